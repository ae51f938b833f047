using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Nccl;

namespace PerturbedForgetting.NvidiaCheck;

/// <summary>Calls NCCL through the project's own table as far as that goes without a GPU: entry points, version, texts, and the id that
/// goes by value.</summary>
/// <param name="nccl">NCCL.</param>
sealed unsafe class NcclChecks(NcclApi nccl)
{
    readonly List<string> findings = [];

    /// <summary>How many answers were looked at.</summary>
    public int Count { get; private set; }

    /// <summary>Looks at all.</summary>
    /// <returns>What is not as it should be.</returns>
    public IReadOnlyList<string> Run()
    {
        Expect(nccl.WhyUnusable is null, $"NCCL is not used: {nccl.WhyUnusable}");
        if (findings.Count > 0)
            return findings;
        int number;
        Expect(nccl.Call.GetVersion(&number) == NcclResult.Success && nccl.Version is { Major: 2 }, $"the version is {nccl.Version}");
        foreach (NcclResult result in Enum.GetValues<NcclResult>())
            Expect(Marshal.PtrToStringUTF8((nint)nccl.Call.GetErrorString(result)) is { Length: > 0 }, $"status {result} has no text");
        Ids();
        return findings;
    }

    void Ids()
    {
        NcclUniqueId first, second;
        Expect(nccl.Call.GetUniqueId(&first) == NcclResult.Success && nccl.Call.GetUniqueId(&second) == NcclResult.Success, "no id");
        byte[] bytes = first.ToArray();
        Expect(bytes.AsSpan().ContainsAnyExcept((byte)0), "an id is empty");
        Expect(!bytes.AsSpan().SequenceEqual(second.ToArray()), "two ids are the same");
        Expect(nccl.Call.GetUniqueId(null) == NcclResult.InvalidArgument, "an id at no place");

        nint made = 0;
        NcclResult wrong = nccl.Call.CommInitRank(&made, 1, first, 1);
        Expect(wrong != NcclResult.Success && made == 0, $"rank 1 of 1 is {wrong} and the communicator {made}");
        NcclResult joined = nccl.Call.CommInitRank(&made, 1, first, 0);
        if (joined == NcclResult.Success)
            Expect(nccl.Call.CommDestroy(made) == NcclResult.Success, "ncclCommDestroy");
        else
            Expect(joined is NcclResult.UnhandledCudaError or NcclResult.SystemError && made == 0,
                $"joining where there is no GPU is {joined} and the communicator {made}");
        NcclResult state;
        Expect(nccl.Call.CommGetAsyncError(0, &state) == NcclResult.InvalidArgument, "the state of no communicator");
        Expect(nccl.Call.AllReduce(0, 0, 0, NcclDataType.Float32, NcclOperation.Sum, 0, 0) == NcclResult.InvalidArgument,
            "a reduction without a communicator");
        Expect(nccl.Call.GetLastError(0) is not null, "no text of the last error");
    }

    void Expect(bool isRight, string finding)
    {
        Count++;
        if (!isRight)
            findings.Add(finding);
    }
}
