namespace PerturbedForgetting.Tensors;

public partial class Tensor
{
    /// <summary>A view of consecutive entries along the first dimension: part of a batch, or of a block of scalars. Outside the
    /// tape.</summary>
    /// <param name="first">First entry.</param>
    /// <param name="count">Number of entries.</param>
    /// <exception cref="ArgumentException">The tensor is a scalar, or does not have these entries.</exception>
    public Tensor Rows(int first, int count)
    {
        if (Shape.Rank == 0 || first < 0 || count < 0 || first > Shape[0] - count)
            throw new ArgumentException($"Entries {first} to {first + (long)count} do not exist in {Shape}.");
        return View(Shape.With(0, count), first * Shape.Product(1, Shape.Rank));
    }

    /// <summary>A view of the same bytes as elements of another type: a number that is uploaded among others, the part of a block of state.
    /// Outside the tape.</summary>
    /// <param name="type">Of the same size as this tensor's.</param>
    /// <exception cref="ArgumentException">The sizes differ.</exception>
    public Tensor Reinterpret(DType type) => type.Size() == DType.Size()
        ? View(type, Shape, 0)
        : throw new ArgumentException($"{this} cannot be seen as {type}, whose elements have {type.Size()} bytes.");

    /// <summary>A view of some bytes as elements of any type.</summary>
    internal Tensor View(DType type, Shape shape, long firstByte)
    {
        if (firstByte < 0 || firstByte + (shape.Count * type.Size()) > Count * DType.Size())
            throw new ArgumentException($"A view {type} {shape} from byte {firstByte} does not fit into {this}.");
        return Make(shape, type, firstByte);
    }
}
