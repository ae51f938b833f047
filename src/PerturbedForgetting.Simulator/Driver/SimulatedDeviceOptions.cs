using PerturbedForgetting.Cuda.Cards;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Simulator.Driver;

/// <summary>What the software GPU is to look like.</summary>
public sealed record SimulatedDeviceOptions
{
    /// <summary>The card that it looks like: null for none. See <see cref="As"/>.</summary>
    public Card? Card { get; init; }

    /// <summary>Number of multiprocessors it reports; it runs on the cores of the host all the same.</summary>
    public int Multiprocessors { get; init; } = 108;

    /// <summary>Bytes of device memory. The host gives them only as they are allocated.</summary>
    public long MemoryBytes { get; init; } = 8L << 30;

    /// <summary>10·major + minor. Modules for newer devices are refused.</summary>
    public int ComputeCapability { get; init; } = 80;

    /// <summary>What its compute capability limits.</summary>
    public CapabilityLimits Limits => CapabilityLimits.Of(ComputeCapability);

    /// <summary>CUDA version of the driver, 1000·major + 10·minor. Newer PTX is refused, as by a real driver of that version.</summary>
    public int DriverVersion { get; init; } = 12080;

    /// <summary>Threads of the host that execute blocks.</summary>
    public int Workers { get; init; } = Environment.ProcessorCount;

    /// <summary>Null runs each stream's work as late as possible, in the order of issue, and blocks and warps in the order of their
    /// numbers. A number chooses at random among the orders that CUDA allows: of the work of several streams, of the blocks of a launch, of
    /// the turns of a block's warps and of the sides of a branch. What needs an order that nothing promises shows itself.</summary>
    public int? ShuffleSeed { get; init; }

    /// <summary>Operations of streams (kernels, copies, fills, events, calls of libraries) after which the device is lost, as if it had
    /// fallen off the bus: the next one fails with <see cref="LostCode"/>, and so does every call after it, also in a new context. Null for
    /// a device that lasts.</summary>
    public long? LostAfterOperations { get; init; }

    /// <summary>The code of a lost device; <c>CUDA_ERROR_LAUNCH_FAILED</c> (719) as a rule.</summary>
    public CudaResult LostCode { get; init; } = CudaResult.LaunchFailed;

    /// <summary>Whether it does what it is asked for. If not, every call is checked and every launch counted, but nothing is computed or
    /// copied and what is read is zero: shows in a moment what a step of any size launches.</summary>
    public bool Executes { get; init; } = true;

    /// <summary>Calls that are refused from the start.</summary>
    public IReadOnlyList<SimulatedRefusal> Refusals { get; init; } = [];

    /// <summary>Instructions that the warps of one block may execute before a kernel counts as endless.</summary>
    public long InstructionLimit { get; init; } = 1L << 32;

    /// <summary>Executes only so many blocks at the beginning and at the end of each grid: for tests of tensors too large to compute.
    /// What the blocks between would write stays as it is, and a sum that the last block to arrive finishes is not finished. Null executes
    /// all.</summary>
    public int? EdgeBlocks { get; init; }

    /// <summary>Changes the grid of a kernel's launch, given its name and grid: for tests of what must not depend on it, such as a loop
    /// that goes on by the size of the grid.</summary>
    public Func<string, Extent, Extent>? ChangeGrid { get; init; }

    /// <summary>Lets kernels add floating-point numbers by atomic operations. Their sums depend on the order of arrival, so that results do
    /// not repeat; a kernel of this project must not.</summary>
    public bool AllowsUnorderedSums { get; init; }

    /// <summary>Changes the text of a module before it is loaded, given its name and text: a fault is planted to see that it is
    /// found.</summary>
    public Func<string, string, string>? EditModule { get; init; }

    /// <summary>Version of its cuBLAS; null when it has none.</summary>
    public Version? CublasVersion { get; init; } = new(12, 6, 4);

    /// <summary>Version of its cuBLASLt; null when it has none.</summary>
    public Version? CublasLtVersion { get; init; } = new(12, 6, 4);

    /// <summary>Version of its cuDNN; null when it has none.</summary>
    public Version? CudnnVersion { get; init; } = new(9, 13, 0);

    /// <summary>Version of CUDA that its cuDNN was made for, 1000·major + 10·minor.</summary>
    public int CudnnCudaVersion { get; init; } = 12080;

    /// <summary>Version of its NCCL; null when it has none.</summary>
    public Version? NcclVersion { get; init; } = new(2, 23, 4);

    /// <summary>The same, with the name, the limits and the memory of a card.</summary>
    public SimulatedDeviceOptions As(Card card) => this with
    {
        Card = card,
        ComputeCapability = card.ComputeCapability,
        Multiprocessors = card.Multiprocessors,
        MemoryBytes = (long)card.MemoryGibibytes << 30,
    };
}
