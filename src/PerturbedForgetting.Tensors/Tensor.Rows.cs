namespace PerturbedForgetting.Tensors;

public partial class Tensor
{
    /// <summary>A view of consecutive entries along the first dimension: part of a batch, or of a block of scalars. Outside the tape.</summary>
    /// <param name="first">First entry.</param>
    /// <param name="count">Number of entries.</param>
    /// <exception cref="ArgumentException">The tensor is a scalar, or does not have these entries.</exception>
    public Tensor Rows(int first, int count)
    {
        if (Shape.Rank == 0 || first < 0 || count < 0 || first > Shape[0] - count)
            throw new ArgumentException($"Entries {first} to {first + (long)count} do not exist in {Shape}.");
        return View(Shape.With(0, count), first * Shape.Product(1, Shape.Rank));
    }
}
