using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Memory;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tensors.Serialization;

namespace PerturbedForgetting.Tests.Reference;

/// <summary>
/// Runs an operation on the inputs of a reference case, on the device of <see cref="Initialization.Current"/>, in float32 and on the CPU
/// also in float64, and compares all its outputs and gradients. In float64 what is left is the rounding of the stored numbers.
/// </summary>
/// <example><code>
/// ReferenceOps.Check(c, x => Ops.LayerNorm(x["x"], x["weight"], x["bias"], c.Number("eps", 1e-5)));
/// </code></example>
static class ReferenceOps
{
    /// <summary>
    /// Inputs reach <paramref name="run"/> by role: floating-point ones as parameters, so that their gradients (<c>dROLE</c>) can be
    /// compared, but <c>running_*</c> and integers as plain tensors, compared as <c>ROLE_after</c>.
    /// </summary>
    /// <param name="c">The case.</param>
    /// <param name="run">The operation; its result is compared with <c>y</c>.</param>
    /// <param name="images">Whether four-dimensional tensors are images or convolution weights, to be brought from PyTorch's order to
    /// ours.</param>
    public static void Check(ReferenceCase c, Func<IReadOnlyDictionary<string, Tensor>, Tensor> run, bool images = false)
    {
        foreach (DType type in TestDevices.FloatTypes)
        {
            using var scope = Scope.Begin();
            Dictionary<string, Tensor> inputs = c.Inputs.Keys.ToDictionary(role => role, role => Input(c, role, type, images));
            Run(c, () => run(inputs), type, images, inputs, "");
        }
    }

    /// <summary>
    /// As <see cref="Check"/> for a module made by <paramref name="create"/>: its state is loaded from the roles <c>param.NAME</c> and
    /// compared by <c>dparam.NAME</c> and <c>after.NAME</c>; it runs in the mode of the case's option <c>train</c>.
    /// </summary>
    public static void CheckModule(ReferenceCase c, Func<Module> create, bool images = false)
    {
        foreach (DType type in TestDevices.FloatTypes)
        {
            using var scope = Scope.Begin();
            using Initialization initialization = Initialization.Begin(1, Initialization.Current.Device, type);
            Module module = create();
            Dictionary<string, Tensor> inputs = module.State().ToDictionary(e => $"param.{e.Name}", e => e.Tensor);
            Assert.That(inputs.Keys, Is.EquivalentTo(c.Inputs.Keys.Where(r => r.StartsWith("param.", StringComparison.Ordinal))),
                "names of the state");
            foreach ((string role, Tensor tensor) in inputs)
            {
                if (tensor.DType != DType.Int64)
                    tensor.CopyFrom(Input(c, role, type, images));
            }
            inputs["x"] = Input(c, "x", type, images);
            module.Train(c.Flag("train", true));
            Run(c, () => module.Call(inputs["x"]), type, images, inputs, "param.");
        }
    }

    /// <summary>Input <paramref name="role"/> as a tensor in our order.</summary>
    public static Tensor Input(ReferenceCase c, string role, DType type, bool images = false)
    {
        if (ReferenceData.Open(c.File).Entry(c.Inputs[role]).DType == SafetensorsDType.I64)
        {
            ReferenceTensor<long> labels = ReferenceData.Int64(c.File, c.Inputs[role]);
            return Tensor.From(labels.Data, new Shape(labels.Shape), Initialization.Current.Device);
        }
        Tensor values = Values(c.Input(role), type, images);
        return role.Contains("running_", StringComparison.Ordinal) ? values : new Parameter(values);
    }

    /// <summary>The upstream gradient in our order.</summary>
    public static Tensor Upstream(ReferenceCase c, DType type, bool images = false) =>
        Values(ReferenceData.Float32(c.File, c.Upstream!), type, images);

    /// <summary>Asserts that a result is the stored one, within the case's tolerance.</summary>
    public static void Compare(ReferenceCase c, string output, Tensor actual, bool images = false)
    {
        if (actual.DType == DType.Int64)
        {
            Assert.That(actual.ToArray<long>(), Is.EqualTo(ReferenceData.Int64(c.File, c.Outputs[output].Tensor).Data), $"{c}: {output}");
            return;
        }
        (ReferenceTensor<float> expected, double atol) = c.Output(output);
        if (images)
            expected = ToOurs(expected);
        double[] values = actual.DType == DType.Float64
            ? actual.ToArray<double>()
            : Array.ConvertAll(actual.ToArray<float>(), x => (double)x);
        Assert.That(actual.Shape.ToArray(), Is.EqualTo(expected.Shape), $"{c}: shape of {output}");
        for (int i = 0; i < values.Length; i++)
        {
            double tolerance = actual.DType == DType.Float64 ? Math.Min(atol, (Math.Abs(expected.Data[i]) * 6e-8) + (1e-6 * atol)) : atol;
            if (!(Math.Abs(values[i] - expected.Data[i]) <= tolerance))
                Assert.Fail($"{c}: {output}[{i}] in {actual.DType} is {values[i]:R}, expected {expected.Data[i]:R} within {tolerance:E1}.");
        }
    }

    static void Run(ReferenceCase c, Func<Tensor> run, DType type, bool images, Dictionary<string, Tensor> inputs, string prefix)
    {
        Tensor y = run();
        Compare(c, "y", y, images);
        if (c.Upstream == "one")
            y.Backward();
        else if (c.Upstream is not null)
            y.Backward(Upstream(c, type, images));
        int compared = 1;
        foreach (string output in c.Outputs.Keys.Where(name => name != "y"))
        {
            bool after = output.StartsWith("after.", StringComparison.Ordinal) || output.EndsWith("_after", StringComparison.Ordinal);
            Tensor? actual = after
                ? inputs[output.StartsWith("after.", StringComparison.Ordinal)
                    ? prefix + output["after.".Length..]
                    : output[..^"_after".Length]]
                : ((Parameter)inputs[output[1..]]).Grad;
            Assert.That(actual, Is.Not.Null, $"{c}: no gradient arrived for {output}");
            Compare(c, output, actual!, images);
            compared++;
        }
        Assert.That(compared, Is.EqualTo(c.Outputs.Count));
    }

    static Tensor Values(ReferenceTensor<float> stored, DType type, bool images)
    {
        ReferenceTensor<float> ours = images ? ToOurs(stored) : stored;
        return type == DType.Float32
            ? Tensor.From(ours.Data, new Shape(ours.Shape), Initialization.Current.Device)
            : Tensor.From(Array.ConvertAll(ours.Data, x => (double)x), new Shape(ours.Shape), Initialization.Current.Device);
    }

    /// <summary>N,C,H,W to N,H,W,C and, the same permutation, O,I,kh,kw to O,kh,kw,I; other ranks stay.</summary>
    static ReferenceTensor<float> ToOurs(ReferenceTensor<float> t)
    {
        if (t.Shape.Length != 4)
            return t;
        (int n, int c, int h, int w) = (t.Shape[0], t.Shape[1], t.Shape[2], t.Shape[3]);
        float[] ours = new float[t.Data.Length];
        for (int i = 0; i < t.Data.Length; i++)
        {
            (int rest, int column) = Math.DivRem(i, w);
            (rest, int row) = Math.DivRem(rest, h);
            (int image, int channel) = Math.DivRem(rest, c);
            ours[(((((image * h) + row) * w) + column) * c) + channel] = t.Data[i];
        }
        return new ReferenceTensor<float>(ours, [n, h, w, c]);
    }
}
