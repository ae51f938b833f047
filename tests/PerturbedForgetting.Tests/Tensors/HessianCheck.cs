using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Autograd;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Nn;

namespace PerturbedForgetting.Tests.Tensors;

/// <summary>Products with the Hessian of a function of weights, and the same by central differences of gradients.</summary>
/// <param name="model">Whose weights; it gets an arena.</param>
/// <param name="loss">The function, a scalar.</param>
sealed class HessianCheck(Module model, Func<Tensor> loss) : IDisposable
{
    const double Step = 1e-5;

    readonly List<Tensor> buffers = [];

    public ParameterArena Arena { get; } = new(model);

    /// <summary>The function.</summary>
    public Func<Tensor> Loss => loss;

    /// <summary>Weights are what is moved in.</summary>
    sealed class Weights : Module
    {
        public Weights(Parameter[] parameters)
        {
            for (int i = 0; i < parameters.Length; i++)
                Register($"x{i}", parameters[i]);
        }

        protected override Tensor Forward(Tensor x) => throw new NotSupportedException();
    }

    /// <summary>Of inputs of an operation.</summary>
    public static HessianCheck Of(Parameter[] inputs, Func<Tensor> loss) => new(new Weights(inputs), loss);

    /// <summary>Standard normals, where there are weights.</summary>
    public double[] Direction(ulong seed)
    {
        double[] vector = new double[Arena.Count];
        foreach (var segment in Arena.Segments)
            GradientCheck.Normals(segment.Count, seed++).Select(static x => (double)(float)x).ToArray().CopyTo(vector, segment.Offset);
        return vector;
    }

    /// <summary>The products with several vectors at once.</summary>
    public double[][] Multiply(params double[][] vectors) => Multiply(null, vectors);

    /// <summary>The same from a graph that was kept.</summary>
    public double[][] Multiply(HessianTape? tape, params double[][] vectors)
    {
        Tensor[] directions = [.. vectors.Select(Buffer)], results = [.. vectors.Select(_ => NewBuffer().Fill(double.NaN))];
        foreach (Tensor result in results)
            Clear(result);
        var products = new HessianProducts(Arena, directions, results);
        if (tape is not null)
            products.Add(tape);
        else
        {
            using var scope = Scope.Begin();
            using var second = GradMode.SecondOrder();
            products.Add(loss());
        }
        products.Complete();
        return [.. results.Select(Numbers)];
    }

    /// <summary>(g(w + h v) - g(w - h v)) / 2h.</summary>
    public double[] Difference(double[] vector)
    {
        double[] weights = Numbers(Arena.Weights), above = Gradient(Step), below = Gradient(-Step);
        Write(Arena.Weights, weights);
        return [.. above.Zip(below, static (a, b) => (a - b) / (2 * Step))];

        double[] Gradient(double step)
        {
            Write(Arena.Weights, [.. weights.Zip(vector, (w, v) => w + (step * v))]);
            using var scope = Scope.Begin();
            Arena.ClearGradients();
            loss().Backward();
            Arena.CompleteGradients();
            return Numbers(Arena.Gradients);
        }
    }

    public static double[] Numbers(Tensor tensor) => tensor.DType == DType.Float64
        ? tensor.ToArray<double>()
        : Array.ConvertAll(tensor.ToArray<float>(), static x => (double)x);

    public static void Write(Tensor tensor, double[] values)
    {
        if (tensor.DType == DType.Float64)
            tensor.CopyFrom<double>(values);
        else
            tensor.CopyFrom<float>(Array.ConvertAll(values, static x => (float)x));
    }

    public static double Dot(double[] a, double[] b) => a.Zip(b, static (x, y) => x * y).Sum();

    public static double Largest(double[] values) => values.Max(Math.Abs);

    /// <summary>Gives back what products were made in.</summary>
    public void FreeBuffers()
    {
        buffers.ForEach(Arena.Free);
        buffers.Clear();
    }

    public void Dispose() => Arena.Dispose();

    Tensor Buffer(double[] values)
    {
        Tensor buffer = NewBuffer();
        Write(buffer, values);
        return buffer;
    }

    Tensor NewBuffer()
    {
        Tensor buffer = Arena.NewBuffer();
        buffers.Add(buffer);
        return buffer;
    }

    /// <summary>Zeros where no parameter is.</summary>
    void Clear(Tensor buffer)
    {
        double[] values = Numbers(buffer);
        bool[] isWeight = new bool[values.Length];
        foreach (var segment in Arena.Segments)
            isWeight.AsSpan((int)segment.Offset, (int)segment.Count).Fill(segment.Parameter.IsTrainable);
        Write(buffer, [.. values.Zip(isWeight, static (v, w) => w ? v : 0)]);
    }
}
