using System.Text.Json;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tests.Reference;
using PerturbedForgetting.Training.Hessian;
using PerturbedForgetting.Training.Updates;

namespace PerturbedForgetting.Tests.Training.Hessian;

/// <summary>A case of hessian.json: a tiny model, a loss over forty samples, and what is known of the Hessian.</summary>
/// <param name="entry">The case.</param>
sealed class ReferenceHessian(JsonElement entry)
{
    const string File = "hessian.safetensors";

    /// <summary>Every case.</summary>
    public static IReadOnlyList<ReferenceHessian> All { get; } =
        [.. ReferenceData.Json("hessian.json").GetProperty("cases").EnumerateArray().Select(static c => new ReferenceHessian(c))];

    /// <summary>Cases of a test, under their names.</summary>
    public static IEnumerable<TestCaseData> Named(IEnumerable<ReferenceHessian> cases) =>
        cases.Select(static c => new TestCaseData(c).SetArgDisplayNames(c.Id));

    public string Id => Text("id");

    /// <summary>Whether products, gradient and top eigenvector are stored.</summary>
    public bool HasVectors => entry.TryGetProperty("tensors", out _);

    string ModelName => Text("model");

    string Prefix => $"{ModelName}/{Text("state")}/";

    public double Number(string name) => entry.GetProperty(name).GetDouble();

    public double[] Numbers(string name) => [.. entry.GetProperty(name).EnumerateArray().Select(static v => v.GetDouble())];

    /// <summary>The loss of the case.</summary>
    public LossFunction Loss => Text("loss_name") switch
    {
        "ce" => static (logits, labels) => Ops.CrossEntropy(logits, labels),
        "ce_smoothing0.1" => static (logits, labels) => Ops.CrossEntropy(logits, labels, 0.1),
        _ => static (logits, labels) => Ops.BinaryCrossEntropy(logits, labels),
    };

    /// <summary>The model with its samples on the device of <see cref="Initialization.Current"/>.</summary>
    /// <param name="type">Type to compute in.</param>
    /// <param name="blockSize">Vectors at once.</param>
    /// <param name="batchSize">Samples of a batch; the last may have fewer.</param>
    public Loaded Load(DType type, int blockSize = 1, int batchSize = 40) => new(this, type, blockSize, batchSize);

    string Text(string name) => entry.GetProperty(name).GetString()!;

    /// <summary>A model, its samples, and its Hessian.</summary>
    public sealed class Loaded : ILossBatches, IDisposable
    {
        readonly ReferenceHessian reference;
        readonly List<(Tensor Images, Tensor Labels)> batches = [];

        public Loaded(ReferenceHessian reference, DType type, int blockSize, int batchSize)
        {
            this.reference = reference;
            var device = Initialization.Current.Device;
            using (Initialization.Begin(1, device, type))
                Model = reference.ModelName switch
                {
                    "conv" => new TinyModels.Conv(),
                    string name => new TinyModels.Mlp(gelu: name == "mlp_gelu"),
                };
            foreach (var entry in Model.State().Where(static e => e.Tensor.DType != DType.Int64))
                TinyModels.Write(entry.Tensor,
                    TinyModels.ToOwnLayout(ReferenceData.Float32(File, reference.Prefix + entry.Name), entry.Layout));
            Arena = new ParameterArena(Model);
            Layout = new MultiTensorLayout(Arena);
            var stored = ReferenceData.Float32(File, $"{reference.ModelName}/x");
            bool isImage = stored.Shape.Length == 4;
            double[] images = TinyModels.ToOwnLayout(stored, isImage ? WeightLayout.Convolution : WeightLayout.Plain);
            int[] labels = Array.ConvertAll(ReferenceData.Int64(File, $"{reference.ModelName}/y").Data, static l => (int)l);
            int size = images.Length / labels.Length;
            for (int first = 0; first < labels.Length; first += batchSize)
            {
                int count = Math.Min(batchSize, labels.Length - first);
                Shape shape = isImage ? [count, stored.Shape[2], stored.Shape[3], stored.Shape[1]] : [count, size];
                var x = Tensor.Persistent(shape, type, device);
                TinyModels.Write(x, images[(first * size)..((first + count) * size)]);
                batches.Add((x, Tensor.Persistent([count], DType.Int32, device).CopyFrom<int>(labels[first..(first + count)])));
            }
            Images = labels.Length;
            Hessian = new LossHessian(Model, Layout, reference.Loss, this, blockSize);
        }

        /// <summary>The Hessian that keeps graphs.</summary>
        public LossHessian Keeping(KeptTapes tapes) => new(Model, Layout, reference.Loss, this) { Tapes = tapes };

        /// <summary>Batches that were read.</summary>
        public int BatchesRead { get; private set; }

        public Module Model { get; }

        public ParameterArena Arena { get; }

        public MultiTensorLayout Layout { get; }

        public LossHessian Hessian { get; }

        public long Images { get; }

        public IEnumerable<(Tensor Images, Tensor Labels)> Read(CancellationToken stop)
        {
            foreach (var batch in batches)
            {
                BatchesRead++;
                yield return batch;
            }
        }

        /// <summary>A buffer with a vector of the reference: parameters one after the other, in PyTorch's layout.</summary>
        public Tensor Buffer(float[] values)
        {
            Tensor buffer = Arena.NewBuffer();
            int at = 0;
            foreach (var segment in Arena.Segments)
            {
                int count = (int)segment.Count;
                StateDict.FromTorch(ParameterArena.Slice(buffer, segment), segment.Parameter.Layout, values.AsSpan(at, count));
                at += count;
            }
            return buffer;
        }

        /// <summary>The other way.</summary>
        public float[] Values(Tensor buffer) =>
            [.. Arena.Segments.SelectMany(s => StateDict.ToTorch(ParameterArena.Slice(buffer, s), s.Parameter.Layout))];

        /// <summary>A stored vector of the case.</summary>
        public float[] Stored(string name) => ReferenceData.Float32(File, reference.Prefix + name).Data;

        public void Dispose()
        {
            foreach (var (images, labels) in batches)
            {
                images.Dispose();
                labels.Dispose();
            }
            Layout.Dispose();
            Arena.Dispose();
        }
    }
}
