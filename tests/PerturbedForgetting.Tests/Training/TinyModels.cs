using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tests.Reference;

namespace PerturbedForgetting.Tests.Training;

/// <summary>The two models of the reference trajectories, with their initial weights and their five batches.</summary>
sealed class TinyModels : IDisposable
{
    public const int Batches = 5;

    const string File = "optim.safetensors";

    readonly List<(Tensor Images, Tensor Labels)> batches = [];

    /// <param name="name">mlp or conv.</param>
    /// <param name="type">Type to compute in.</param>
    /// <param name="prepare">Called with the model before its arena is laid out.</param>
    public TinyModels(string name, DType type = DType.Float32, Action<Module>? prepare = null)
    {
        using (Initialization.Begin(1, Device, type))
            Model = name == "mlp" ? new Mlp() : new Conv();
        foreach (var entry in Model.State())
        {
            string stored = $"init/{name}/{entry.Name}";
            if (entry.Tensor.DType == DType.Int64)
                entry.Tensor.CopyFrom((ReadOnlySpan<long>)ReferenceData.Int64(File, stored).Data);
            else
                Write(entry.Tensor, ToOwnLayout(ReferenceData.Float32(File, stored), entry.Layout));
        }
        var (images, labels) = (ReferenceData.Float32(File, $"data/{name}/x"), ReferenceData.Int64(File, $"data/{name}/y"));
        int size = labels.Shape[1], length = images.Data.Length / Batches;
        for (int b = 0; b < Batches; b++)
        {
            var batch = new ReferenceTensor<float>(images.Data[(b * length)..((b + 1) * length)], images.Shape[1..]);
            bool isImage = batch.Shape.Length == 4;
            int[] shape = isImage ? [batch.Shape[0], batch.Shape[2], batch.Shape[3], batch.Shape[1]] : batch.Shape;
            var x = Tensor.Persistent(new Shape(shape), type, Device);
            Write(x, isImage ? ToOwnLayout(batch, WeightLayout.Convolution) : Widen(batch.Data));
            var y = Tensor.Persistent([size], DType.Int32, Device)
                .CopyFrom<int>(Array.ConvertAll(labels.Data[(b * size)..((b + 1) * size)], static l => (int)l));
            batches.Add((x, y));
        }
        prepare?.Invoke(Model);
        Arena = new ParameterArena(Model);
    }

    /// <summary>That of <see cref="Initialization.Current"/>.</summary>
    public Device Device { get; } = Initialization.Current.Device;

    public Module Model { get; }

    public ParameterArena Arena { get; }

    public (Tensor Images, Tensor Labels) Batch(int index) => batches[index];

    public static double[] Read(Tensor tensor) => tensor.DType switch
    {
        DType.Float64 => tensor.ToArray<double>(),
        DType.Float32 => Widen(tensor.ToArray<float>()),
        _ => Array.ConvertAll(tensor.ToArray<long>(), static x => (double)x),
    };

    /// <summary>The slice of a flat buffer that belongs to a parameter.</summary>
    public double[] Read(Tensor buffer, string parameter) => Read(ParameterArena.Slice(buffer, Segment(parameter)));

    public ParameterSegment Segment(string parameter) => Arena.Segments.Single(s => s.Name == parameter);

    public static void Write(Tensor tensor, double[] values)
    {
        if (tensor.DType == DType.Float64)
            tensor.CopyFrom((ReadOnlySpan<double>)values);
        else
            tensor.CopyFrom((ReadOnlySpan<float>)Array.ConvertAll(values, static x => (float)x));
    }

    /// <summary>From PyTorch's order (N,C,H,W or O,I,kh,kw) to ours, in which the second dimension is last.</summary>
    public static double[] ToOwnLayout(ReferenceTensor<float> tensor, WeightLayout layout)
    {
        if (layout == WeightLayout.Plain)
            return Widen(tensor.Data);
        int outer = tensor.Shape[0], channels = tensor.Shape[1], pixels = tensor.Shape[2] * tensor.Shape[3];
        double[] result = new double[tensor.Data.Length];
        for (int o = 0; o < outer; o++)
            for (int c = 0; c < channels; c++)
                for (int p = 0; p < pixels; p++)
                    result[(((o * pixels) + p) * channels) + c] = tensor.Data[(((o * channels) + c) * pixels) + p];
        return result;
    }

    public void Dispose()
    {
        foreach (var (images, labels) in batches)
        {
            images.Dispose();
            labels.Dispose();
        }
        Arena.Dispose();
    }

    static double[] Widen(float[] values) => Array.ConvertAll(values, static x => (double)x);

    public sealed class Mlp : Module
    {
        readonly Linear fc1, fc2;
        readonly bool gelu;

        /// <param name="gelu">Whether the activation is that, and not relu.</param>
        public Mlp(bool gelu = false)
        {
            this.gelu = gelu;
            fc1 = Register("fc1", new Linear(10, 16));
            fc2 = Register("fc2", new Linear(16, 5));
        }

        protected override Tensor Forward(Tensor x) =>
            fc2.Call(gelu ? Ops.LinearGelu(x, fc1.Weight, fc1.Bias) : Ops.Relu(fc1.Call(x)));
    }

    public sealed class Conv : Module
    {
        readonly Conv2d conv1, conv2;
        readonly BatchNorm2d bn1, bn2;
        readonly Linear fc;

        public Conv()
        {
            conv1 = Register("conv1", new Conv2d(3, 6, 3, padding: 1, bias: false));
            bn1 = Register("bn1", new BatchNorm2d(6));
            conv2 = Register("conv2", new Conv2d(6, 8, 3, stride: 2, padding: 1, bias: false));
            bn2 = Register("bn2", new BatchNorm2d(8));
            fc = Register("fc", new Linear(8, 5));
        }

        protected override Tensor Forward(Tensor x)
        {
            x = Ops.Relu(bn1.Call(conv1.Call(x)));
            return fc.Call(Ops.GlobalAvgPool2d(bn2.Call(conv2.Call(x))));
        }
    }
}
