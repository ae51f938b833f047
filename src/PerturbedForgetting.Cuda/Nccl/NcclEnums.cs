namespace PerturbedForgetting.Cuda.Nccl;

/// <summary>Status of a call of NCCL (<c>ncclResult_t</c>).</summary>
public enum NcclResult
{
    /// <summary>Done.</summary>
    Success = 0,
    /// <summary>A call of CUDA failed.</summary>
    UnhandledCudaError = 1,
    /// <summary>A call of the system failed: a socket, memory, a shared library.</summary>
    SystemError = 2,
    /// <summary>The library failed, or is not there.</summary>
    InternalError = 3,
    /// <summary>An argument is wrong.</summary>
    InvalidArgument = 4,
    /// <summary>The calls do not fit together.</summary>
    InvalidUsage = 5,
    /// <summary>Another process has ended, or the network failed.</summary>
    RemoteError = 6,
    /// <summary>Not done yet.</summary>
    InProgress = 7,
    /// <summary>It took too long.</summary>
    Timeout = 8,
}

/// <summary>Type of elements (<c>ncclDataType_t</c>).</summary>
public enum NcclDataType
{
    /// <summary>Signed 8 bits.</summary>
    Int8 = 0,
    /// <summary>Unsigned 8 bits.</summary>
    UInt8 = 1,
    /// <summary>Signed 32 bits.</summary>
    Int32 = 2,
    /// <summary>Unsigned 32 bits.</summary>
    UInt32 = 3,
    /// <summary>Signed 64 bits.</summary>
    Int64 = 4,
    /// <summary>Unsigned 64 bits.</summary>
    UInt64 = 5,
    /// <summary>float16.</summary>
    Float16 = 6,
    /// <summary>float32.</summary>
    Float32 = 7,
    /// <summary>float64.</summary>
    Float64 = 8,
    /// <summary>bfloat16.</summary>
    BFloat16 = 9,
}

/// <summary>What a reduction makes (<c>ncclRedOp_t</c>).</summary>
public enum NcclOperation
{
    /// <summary>The sum.</summary>
    Sum = 0,
    /// <summary>The product.</summary>
    Product = 1,
    /// <summary>The largest.</summary>
    Max = 2,
    /// <summary>The smallest.</summary>
    Min = 3,
    /// <summary>The mean. Of floating-point numbers each is multiplied by 1/N before they are added.</summary>
    Average = 4,
}
