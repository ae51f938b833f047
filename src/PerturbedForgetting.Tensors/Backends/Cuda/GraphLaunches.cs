namespace PerturbedForgetting.Tensors.Backends.Cuda;

/// <summary>How often a graph was launched, for those whose work it holds.</summary>
sealed class GraphLaunches
{
    long count;

    /// <summary>Launches so far. Any thread.</summary>
    public long Count => Volatile.Read(ref count);

    /// <summary>It was launched once more.</summary>
    public void Add() => Volatile.Write(ref count, count + 1);
}
