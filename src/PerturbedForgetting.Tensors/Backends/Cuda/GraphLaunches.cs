namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <summary>How often a graph was launched, for those whose work it holds.</summary>
sealed class GraphLaunches
{
    public long Count { get; set; }
}
