using PerturbedForgetting.Tensors;

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
        Tensor made = Output(images, height / patch * (width / patch), patch * patch * channels), back = Output(images, height, width, channels);
        Backend.Patches(Input(x, images, height, width, channels), patch, made);
        Backend.PatchesBackward(made, patch, back);
        AssertClose(made, rows, 0);
        AssertClose(back, x, 0);
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
        Tensor y = Output(images, perImage / channels, channels);
        Backend.EmbedTokens(Input(x, images, tokens, channels), hasClassToken ? Input(first) : null, Input(positions), y);
        AssertClose(y, expected, 0);
    }
}
