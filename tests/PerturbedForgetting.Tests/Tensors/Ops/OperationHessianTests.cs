using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Catalogue;
using PerturbedForgetting.Tensors.Memory;

namespace PerturbedForgetting.Tests.Tensors.OpsTests;

/// <summary>Second derivatives of every operation, on the CPU: in float64 products are the differences of gradients, and those of a
/// symmetric matrix; float32 is near float64. Inputs are weights, and what is made of weights; the result is used twice.</summary>
[NonParallelizable]
sealed class OperationHessianTests
{
    static IEnumerable<Operation> Operations => OperationHessian.Operations;

    [TestCaseSource(nameof(Operations))]
    public void ProductsAreThoseOfTheDifferences(Operation operation)
    {
        // The first has one element of something as a rule, the last has most.
        Shape[][] all = operation.Small, few = all.Length > 1 ? [all[0], all[^1]] : all;
        if (OperationHessian.IsWhole)
            few = [.. all, .. operation.Edges.Where(OperationHessian.IsSmall)];
        foreach (Shape[] shapes in few)
            OperationHessian.Check(operation, shapes, Device.Cpu);
    }
}

/// <summary>On other devices products in float32 are near those in float64: for the operations whose tangents have kernels or launches of
/// their own; all others are made of what gradients are made of. Also at the size of a kernel's tile, or one more.</summary>
[TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Others)), NonParallelizable]
sealed class OperationHessianOnDevicesTests(string device) : DeviceFixture(device)
{
    static readonly string[] own =
        ["Softmax", "LayerNorm", "AddLayerNorm", "BatchNorm", "MaxPool2d", "LinearGelu", "Attention", "Conv2d"];

    static IEnumerable<Operation> Operations => OperationHessian.IsWhole
        ? OperationHessian.Operations
        : OperationHessian.Operations.Where(static o => own.Contains(FirstWord(o)) || (o.IsElementwise && o.Small[0].Length == 1))
            .DistinctBy(static o => FirstWord(o) == "BatchNorm" ? o.Name : FirstWord(o));

    static string FirstWord(Operation operation) => operation.Name.Split(' ', ',')[0];

    [TestCaseSource(nameof(Operations))]
    public void ProductsAreThoseOfTheCpu(Operation operation)
    {
        IEnumerable<Shape[]> all = operation.Small.Concat(operation.Edges).Where(OperationHessian.IsSmall);
        OperationHessian.Check(operation, all.MaxBy(static s => s.Sum(x => x.Count))!, Device);
    }
}

/// <summary>Products with the Hessian of a function of an operation's result.</summary>
static class OperationHessian
{
    /// <summary>Not so many that a device without speed takes long.</summary>
    const int MostElements = 600;

    /// <summary>Whether tests of many cases are run whole.</summary>
    public static bool IsWhole => EnvironmentVariables.AllTests.Value == "1";

    /// <summary>All that have second derivatives.</summary>
    public static IEnumerable<Operation> Operations => OperationCatalogue.All.Where(static o => o.Gradient == GradientKind.Derivative
        && (!o.Name.StartsWith("BatchNorm", StringComparison.Ordinal) || o.Name.Contains("evaluation", StringComparison.Ordinal)));

    /// <summary>Whether inputs of these shapes take a moment.</summary>
    public static bool IsSmall(Shape[] shapes) => shapes.Sum(static s => s.Count) <= MostElements;

    /// <summary>Compares the products with two directions at once.</summary>
    /// <param name="operation">The row.</param>
    /// <param name="shapes">Of its inputs.</param>
    /// <param name="device">Where float32 is computed.</param>
    public static void Check(Operation operation, Shape[] shapes, Device device)
    {
        using var scope = Scope.Begin();
        string what = string.Join(", ", shapes);
        using HessianCheck exact = Make(operation, shapes, DType.Float64, Device.Cpu);
        double[] u = exact.Direction(5), v = exact.Direction(50);
        double[][] expected = exact.Multiply(u, v);
        double largest = expected.Max(HessianCheck.Largest);
        if (device == Device.Cpu)
        {
            // The differences' own error is of the third derivative times the square of their step, and of roundings divided by it.
            Assert.That(expected[0], Is.EqualTo(exact.Difference(u)).Within((1e-6 * largest) + 1e-8), $"product of {what}");
            double there = HessianCheck.Dot(v, expected[0]), back = HessianCheck.Dot(u, expected[1]);
            double size = Math.Sqrt(HessianCheck.Dot(v, v) * HessianCheck.Dot(expected[0], expected[0]));
            Assert.That(there, Is.EqualTo(back).Within(1e-12 * (size + 1)), $"symmetry of {what}");
        }
        using HessianCheck rounded = Make(operation, shapes, DType.Float32, device);
        double[][] actual = rounded.Multiply(Narrow(u, exact, rounded), Narrow(v, exact, rounded));
        for (int i = 0; i < 2; i++)
        {
            foreach (var (wide, narrow) in exact.Arena.Segments.Zip(rounded.Arena.Segments))
            {
                double[] a = expected[i].AsSpan((int)wide.Offset, (int)wide.Count).ToArray();
                double[] b = actual[i].AsSpan((int)narrow.Offset, (int)narrow.Count).ToArray();
                // The criterion of the reference numbers for one operation, of which a second differentiation has some ten, one after the
                // other.
                Assert.That(b, Is.EqualTo(a).Within((4e-5 * HessianCheck.Largest(a)) + (4e-6 * largest) + 1e-7),
                    $"{wide.Name} of {what} in float32");
            }
        }
    }

    /// <summary>Σ r · y(x)² + y(-x/2) · y(x), with fixed r, of inputs of standard normals.</summary>
    static HessianCheck Make(Operation operation, Shape[] shapes, DType type, Device device)
    {
        Parameter[] inputs = [.. shapes.Select((s, i) => new Parameter(Persistent(s, 1 + (ulong)i, type, device)))];
        return HessianCheck.Of(inputs, () =>
        {
            Tensor y = operation.Run(inputs), z = operation.Run([.. inputs.Select(static x => Ops.Scale(x, -0.5))]);
            Tensor r = GradientCheck.Normal(y.Shape, 977, type, device);
            return Ops.Sum(Ops.Add(Ops.Mul(Ops.Mul(y, y), r), Ops.Mul(y, z)));
        });
    }

    static Tensor Persistent(Shape shape, ulong seed, DType type, Device device) =>
        Tensor.Persistent(shape, type, device).CopyFrom(GradientCheck.Normal(shape, seed, type, device));

    static double[] Narrow(double[] vector, HessianCheck wide, HessianCheck narrow)
    {
        double[] result = new double[narrow.Arena.Count];
        foreach (var (from, to) in wide.Arena.Segments.Zip(narrow.Arena.Segments))
            vector.AsSpan((int)from.Offset, (int)from.Count).CopyTo(result.AsSpan((int)to.Offset));
        return result;
    }
}
