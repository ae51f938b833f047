using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Tensors.Catalogue;

/// <summary>All operations, one row a setting that takes another way through the code; one file a family.</summary>
static partial class OperationCatalogue
{
    /// <summary>Every row.</summary>
    public static IReadOnlyList<Operation> All =>
        field ??= [.. Passes(), .. Elementwise(), .. Layout(), .. Products(), .. Norms(), .. Windows(), .. Losses(), .. WithoutGradient()];

    /// <summary>Activations of ViT-S for a few images.</summary>
    static Shape[] Activations(int side) => [[512 * side * side, 384]];

    /// <summary>Images of a stage of ResNet-50 for 32 x 32 pixels.</summary>
    static Shape[] Images(int side) => [[4 * side * side, 32, 32, 64]];

    static KernelLaunch Back(string name, double loaded, double stored) => new(name, loaded, stored, IsBackward: true);

    static Shape[] Squares(int side) => [[512 * 512 * side * side], [512 * 512 * side * side]];

    /// <summary>Elements of inputs of which each can be changed in a moment.</summary>
    const int MostSmall = 150;

    static Func<Shape[], Tolerance> Within(double relative, double absolute) => _ => new Tolerance(relative, absolute);

    /// <summary>A vector that is no input: one number, or numbers from there on, upwards and again from the beginning.</summary>
    static Tensor Vector(Tensor like, int count, double value, double step = 0)
    {
        Tensor y = Tensor.Empty([count], like.DType, like.Device);
        if (step == 0)
            return y.Fill(value);
        double[] numbers = [.. Enumerable.Range(0, count).Select(i => (float)(value + (step * (i % 7))))];
        return like.DType == DType.Float64
            ? y.CopyFrom<double>(numbers)
            : y.CopyFrom<float>(Array.ConvertAll(numbers, static v => (float)v));
    }

    static DropoutStream Masks() => new(2);
}
