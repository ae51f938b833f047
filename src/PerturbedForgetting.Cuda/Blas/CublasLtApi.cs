using PerturbedForgetting.Cuda.Libraries;

namespace PerturbedForgetting.Cuda.Blas;

/// <summary>cuBLASLt: matrix products with a bias in the same pass.</summary>
public sealed unsafe class CublasLtApi : NativeApi<CublasLtApi, CublasLtTable>
{
    /// <summary>The first major version that numbers itself with five digits.</summary>
    internal const int FiveDigits = 12;

    /// <inheritdoc cref="CublasApi.Version"/>
    public Version? Version => PackedVersion.Of(Call.GetVersion(), FiveDigits);

    /// <inheritdoc cref="CublasApi.WhyUnusable"/>
    public string? WhyUnusable => Unusable(Version, 12, 13);
}
