using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;
using PerturbedForgetting.Tensors.MultiTensor;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tests.Tensors.MultiTensor;

namespace PerturbedForgetting.Tests.Cuda.Kernels.MultiTensor;

/// <summary>Base of the tests of passes over an arena: a model on the CPU, and its tiles on the device.</summary>
abstract class MultiTensorFixture(string device) : KernelFixture(device)
{
    /// <summary>One parameter of an awkward size; parameters of several sizes, the fourth of them frozen; a layer of ViT-Ti.</summary>
    protected static readonly int[][] Arenas = [[1], [31], [32], [33], [1023], [1025], ArenaModel.AwkwardSizes, [192 * 576, 576]];

    /// <summary>Warps of a block: each reads its tile for itself.</summary>
    protected const int Warps = TileTable.Threads / 32;

    readonly List<IDisposable> owned = [];

    /// <summary>The arena and its layout on the CPU.</summary>
    protected ArenaModel Model { get; private set; } = null!;

    /// <summary>The same layout on the device; the tests' buffers have exactly their size, which an arena's have not.</summary>
    protected MultiTensorLayout Layout { get; private set; } = null!;

    /// <summary>The arena's weights, copied to the device.</summary>
    protected Tensor Weights { get; private set; } = null!;

    /// <summary>Makes the model; every other parameter has the given weight decay.</summary>
    protected void Make(int[] sizes, double decay = 0, int frozen = 3)
    {
        Model = Own(new ArenaModel(DType.Float32, Random.Next(), sizes, frozen, decay));
        using (Initialization.Begin(0, Device))
            Layout = Own(new ArenaModel(DType.Float32, 0, sizes, frozen, decay)).Layout;
        Weights = Copy(Model.Arena.Weights);
    }

    [TearDown]
    public void DisposeModels()
    {
        // The kernels read the tiles until the stream is done.
        try
        {
            Stream.Synchronize();
        }
        catch (CudaException)
        {
            // The base class reports it.
        }
        foreach (IDisposable thing in owned)
            thing.Dispose();
        owned.Clear();
    }

    /// <summary>Disposes it with the test.</summary>
    protected T Own<T>(T thing) where T : IDisposable
    {
        owned.Add(thing);
        return thing;
    }

    /// <summary>A copy of a flat buffer on the device.</summary>
    protected Tensor Copy(Tensor buffer) => Input(buffer.ToArray<float>());

    /// <summary>float64 numbers on the device.</summary>
    protected Tensor OnDevice(params double[] values) => Input(values);

    /// <summary>The numbers that steer an update, on the device.</summary>
    protected UpdateControl Control(params double[] values)
    {
        UpdateControl control = Own(new UpdateControl(Device));
        control.Values.CopyFrom<double>(values);
        return control;
    }

    /// <summary>float64 numbers on the CPU.</summary>
    protected Tensor Numbers(params double[] values) => Own(Tensor.Persistent([values.Length], DType.Float64).CopyFrom<double>(values));

    /// <summary>Runs twice and asserts that every bit is the same.</summary>
    protected static T[] Twice<T>(Func<T[]> run) where T : unmanaged
    {
        T[] first = run(), second = run();
        Assert.That(System.Runtime.InteropServices.MemoryMarshal.AsBytes<T>(second)
            .SequenceEqual(System.Runtime.InteropServices.MemoryMarshal.AsBytes<T>(first)),
            "two runs differ");
        return first;
    }
}
