namespace PerturbedForgetting.Tests.Reference;

/// <summary>A tensor of the reference numbers: row-major items and shape.</summary>
sealed record ReferenceTensor<T>(T[] Data, int[] Shape) where T : unmanaged
{
    /// <summary>The one item of a scalar.</summary>
    public T Scalar => Data.Length == 1 ? Data[0] : throw new InvalidOperationException($"{Data.Length} items are not a scalar.");
}

/// <summary>One expected result: where its numbers are and how far a float32 computation may be from them.</summary>
/// <param name="Tensor">Name in the case's file; empty when <paramref name="Prefix"/> is used.</param>
/// <param name="Prefix">Common beginning of the names of a group of tensors.</param>
/// <param name="MaxAbs">Largest magnitude of the float64 result.</param>
/// <param name="Atol">Largest permitted deviation.</param>
sealed record ReferenceOutput(string Tensor, string Prefix, double MaxAbs, double Atol);
