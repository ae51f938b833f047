using System.Runtime.InteropServices;

namespace PerturbedForgetting.Tensors.Distributed.Mpi;

/// <summary>
/// Sums and means of float32 values that travel as bfloat16. Each member sends every other one the part of the values that the other one
/// adds up, rounded to the nearest (ties to even); that one adds in float32 in the order of the ranks, and sends the result, rounded again,
/// to all. A member sends and receives 4·(N-1)/N bytes a value, half of what float32 takes. With u = 2^-8 the error of a sum is at most
/// u·Σ|x| + u·|s|, beside that of adding in float32.
/// </summary>
sealed unsafe class RoundedSums(MpiProcess process, int members) : IDisposable
{
    readonly MpiApi api = process.Api;
    ushort* sent, received;
    float* sums;
    int room;

    /// <summary>Reduces values, on the thread of MPI, when all members have come.</summary>
    /// <exception cref="MpiException">MPI fails.</exception>
    /// <exception cref="CommunicationException">It was aborted.</exception>
    public void Run(nint group, float* values, long count, ReduceOperation operation)
    {
        float factor = operation == ReduceOperation.Mean ? 1f / members : 1;
        int largest = process.LargestPart / sizeof(float);
        for (long first = 0; first < count; first += largest)
        {
            process.Thread.ThrowIfAborted();
            Reduce(group, new Span<float>(values + first, (int)Math.Min(count - first, largest)), factor);
        }
    }

    public void Dispose()
    {
        NativeMemory.Free(sent);
        NativeMemory.Free(received);
        NativeMemory.Free(sums);
        sent = received = null;
        sums = null;
        room = 0;
    }

    void Reduce(nint group, Span<float> values, float factor)
    {
        // The part of each member is of one length; what is missing at the end is zeros.
        int part = (values.Length + members - 1) / members, bytes = part * sizeof(ushort);
        Reserve(part);
        int all = part * members;
        Span<ushort> wire = new(sent, all), answers = new(received, all);
        Span<float> sum = new(sums, part);
        BFloat16.Round(values, wire);
        wire[values.Length..].Clear();
        nint type = api.Constants.Byte;
        api.Check(api.Call.Alltoall((nint)sent, bytes, type, (nint)received, bytes, type, group));
        sum.Clear();
        for (int member = 0; member < members; member++)
            BFloat16.Add(answers.Slice(member * part, part), sum);
        foreach (ref float value in sum)
            value *= factor;
        BFloat16.Round(sum, wire[..part]);
        api.Check(api.Call.Allgather((nint)sent, bytes, type, (nint)received, bytes, type, group));
        BFloat16.Widen(answers[..values.Length], values);
    }

    void Reserve(int part)
    {
        if (part <= room)
            return;
        int all = part * members;
        sent = (ushort*)NativeMemory.Realloc(sent, (nuint)all * sizeof(ushort));
        received = (ushort*)NativeMemory.Realloc(received, (nuint)all * sizeof(ushort));
        sums = (float*)NativeMemory.Realloc(sums, (nuint)part * sizeof(float));
        room = part;
    }
}
