using System.Globalization;
using PerturbedForgetting.Cuda;

namespace PerturbedForgetting.Tests.Cuda.Kernels.Prelude;

/// <summary>Base of the tests of kernels/include: kernels/test/prelude.cu calls each function by itself.</summary>
abstract class PreludeFixture(string device) : KernelFixture(device)
{
    const int Threads = 256;

    CudaModule? module;

    [TearDown]
    public void Unload()
    {
        try
        {
            Stream.Synchronize();
        }
        catch (CudaException)
        {
            // The base class reports it.
        }
        module?.Dispose();
        module = null;
    }

    /// <summary>A kernel of prelude.cu, without the beginning of its name.</summary>
    protected CudaKernel Kernel(string name)
    {
        if (module is null)
        {
            using Stream text = EnvironmentVariables.Kernels.Value is { Length: > 0 } folder
                ? File.OpenRead(Path.Combine(folder, "test", "prelude.ptx"))
                : typeof(PreludeFixture).Assembly.GetManifestResourceStream("ptx/prelude.ptx")!;
            byte[] image = new byte[text.Length + 1];
            text.ReadExactly(image, 0, image.Length - 1);
            module = Context.LoadModule(image, "prelude.ptx");
        }
        return module.GetKernel("prelude_" + name);
    }

    /// <summary>y = f(x) on the device, element by element.</summary>
    protected float[] Map(string name, float[] x)
    {
        DeviceBuffer<float> source = Upload<float>(x), y = Poisoned<float>(x.Length);
        Kernel(name).Launch(Stream, Blocks(x.Length), Threads, 0, y, source, (long)x.Length);
        return Download(y);
    }

    /// <summary>Blocks of a grid-stride loop.</summary>
    protected static int Blocks(long count) => (int)Math.Clamp((count + Threads - 1) / Threads, 1, 64);

    /// <summary>Every float32 from low to high (both positive) in equal steps of its bits, one random step off, and the negatives if asked
    /// for.</summary>
    protected float[] Bits(float low, float high, int count, bool negatives = false)
    {
        uint first = BitConverter.SingleToUInt32Bits(low), last = BitConverter.SingleToUInt32Bits(high);
        double step = (last - first) / (double)(count - 1), shift = Random.NextDouble();
        var values = new float[count];
        for (int i = 0; i < count; i++)
        {
            uint bits = i == 0 ? first : i == count - 1 ? last : first + (uint)((i - shift) * step);
            values[i] = BitConverter.UInt32BitsToSingle(bits) * (negatives && (i & 1) == 1 ? -1 : 1);
        }
        return values;
    }

    /// <summary>The largest error over all elements, in the measure given; prints it and its place.</summary>
    protected static double Worst(string name, float[] x, float[] y, Func<double, double> exact, Func<double, double, double> error)
    {
        double worst = 0, place = 0;
        for (int i = 0; i < x.Length; i++)
        {
            double e = error(y[i], exact(x[i]));
            if (!(e <= worst))
                (worst, place) = (e, x[i]);
        }
        TestContext.Out.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}: {worst:G3} at {place:R}, of {x.Length} numbers"));
        return worst;
    }

    /// <summary>|actual - expected| / |expected|.</summary>
    protected static double RelativeError(double actual, double expected) =>
        actual == expected ? 0 : Math.Abs(actual - expected) / Math.Abs(expected);

    /// <summary>|actual - expected|.</summary>
    protected static double AbsoluteError(double actual, double expected) => Math.Abs(actual - expected);

    /// <summary>|actual - expected| in units in the last place of the float32 nearest to expected.</summary>
    protected static double UlpError(double actual, double expected) =>
        Math.Abs(actual - expected) / Math.Max(Math.Pow(2, -149), Math.Pow(2, Math.Floor(Math.Log2(Math.Abs(expected))) - 23));
}
