namespace PerturbedForgetting.Tensors.Distributed.Mpi;

/// <summary>What the thread of MPI is asked for.</summary>
enum MpiCall
{
    /// <summary>Anything: <see cref="MpiWork.Body"/>.</summary>
    Body,

    /// <summary>A reduction in place.</summary>
    AllReduce,

    /// <summary>A reduction in place whose values travel as bfloat16.</summary>
    AllReduceRounded,

    /// <summary>The values of one member.</summary>
    Broadcast,

    /// <summary>The values of all, one after the other.</summary>
    AllGather,

    /// <summary>Nothing but that all are there.</summary>
    Barrier,
}

/// <summary>One call, as it waits for its turn.</summary>
/// <param name="Call">What it is.</param>
/// <param name="Group">Who makes it; null for <see cref="MpiCall.Body"/>.</param>
/// <param name="Source">Address of the values.</param>
/// <param name="Target">Address of the result, where it is another.</param>
/// <param name="Count">Elements of the source.</param>
/// <param name="Type">Their type.</param>
/// <param name="Operation">Of a reduction.</param>
/// <param name="Root">Of a broadcast.</param>
/// <param name="Mark">Where the computation has to be, on a device that works by itself.</param>
/// <param name="Body">What is run.</param>
readonly record struct MpiWork(MpiCall Call, MpiCommunicator? Group, nint Source = 0, nint Target = 0, long Count = 0,
    DType Type = DType.UInt8, ReduceOperation Operation = ReduceOperation.Sum, int Root = 0, object? Mark = null, Action? Body = null)
{
    /// <summary>Makes the call, on the thread of MPI.</summary>
    public void Run()
    {
        if (Call == MpiCall.Body)
            Body!();
        else
            Group!.Run(in this);
    }
}
