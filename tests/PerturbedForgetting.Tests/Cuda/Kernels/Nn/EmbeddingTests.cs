using PerturbedForgetting.Cuda;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

[TestFixtureSource(typeof(KernelDevices))]
sealed class EmbeddingTests(string device) : KernelFixture(device)
{
    [TestCase(1, 1, 1, 1, 1)]
    [TestCase(2, 8, 12, 3, 4)]
    [TestCase(3, 6, 9, 5, 3)]
    [TestCase(1, 64, 32, 3, 16)]
    public void PatchesAreAPermutation(int images, int height, int width, int channels, int patch)
    {
        float[] x = Normal(images * height * width * channels);
        Tensor rows = Ops.Permute(OnCpu(x, images, height / patch, patch, width / patch, patch * channels), 0, 1, 3, 2, 4);
        DeviceBuffer<float> made = Poisoned<float>(x.Length), back = Poisoned<float>(x.Length);
        var kernels = new Embedding(Library);
        kernels.Patches(Stream, made, Upload<float>(x), patch, width, channels, x.Length);
        kernels.PatchesBackward(Stream, back, made, patch, width, channels, x.Length);
        AssertClose(Download(made), rows.ToArray<float>(), 0);
        AssertClose(Download(back), x, 0);
    }

    [Test]
    public void Tokens([Values(1, 49)] int tokens, [Values(1, 33, 192)] int channels, [Values] bool hasClassToken)
    {
        const int images = 3;
        int before = hasClassToken ? channels : 0, perImage = (tokens * channels) + before;
        float[] x = Normal(images * tokens * channels), first = Normal(channels), positions = Normal(perImage), expected = new float[images * perImage];
        for (int i = 0; i < expected.Length; i++)
        {
            int image = i / perImage, at = i % perImage;
            expected[i] = (at < before ? first[at] : x[(image * tokens * channels) + at - before]) + positions[at];
        }
        DeviceBuffer<float> y = Poisoned<float>(expected.Length);
        var kernels = new Embedding(Library);
        kernels.Tokens(Stream, y, Upload<float>(x), hasClassToken ? Upload<float>(first) : DevicePointer.Null, Upload<float>(positions), perImage, channels, images);
        AssertClose(Download(y), expected, 0);
    }
}
