using PerturbedForgetting.Cuda.Dnn;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cuda;

namespace PerturbedForgetting.Tests.Cuda.Kernels.Edges;

/// <summary>Shapes that would want more blocks along y or z than a grid has, 65,535, and shapes beyond what kernels take.</summary>
[TestFixture]
sealed class GridTests : LargeTensorFixture
{
    // As many tiles of 128 rows as go along y, and one more.
    const int ManyRows = (65536 * 128) + 1;

    [TestCase(65535)]
    [TestCase(65536)]
    [TestCase(200_000)]
    public void ManyMatricesAreTransposed(int count) =>
        CheckEnds([Floats(2, 3)], [Floats(3, 2)], (x, y, _) => Backend.Permute(x[0], [0, 2, 1], y[0]), 1, count);

    [TestCase(2_097_120)]
    [TestCase(2_097_121)]
    [TestCase(2_097_153)]
    public void ManyRowsAreTransposed(int rows)
    {
        float[] first = Normal(3), last = Normal(3);
        Tensor x = Zeros(DType.Float32, rows, 3), y = Zeros(DType.Float32, 3, rows), back = Zeros(DType.Float32, rows, 3);
        x.Rows(0, 1).CopyFrom<float>(first);
        x.Rows(rows - 1, 1).CopyFrom<float>(last);
        Backend.Permute(x, [1, 0], y);
        for (int column = 0; column < 3; column++)
            Assert.That((Part(y, (long)column * rows, 1).ToArray<float>()[0], Part(y, ((column + 1L) * rows) - 1, 1).ToArray<float>()[0]),
                Is.EqualTo((first[column], last[column])));
        Backend.Permute(y, [1, 0], back);
        Assert.That(back.Rows(0, 1).ToArray<float>().Concat(back.Rows(rows - 1, 1).ToArray<float>()), Is.EqualTo(first.Concat(last)));
    }

    /// <summary>More matrices of one element than a grid has blocks.</summary>
    [Test]
    public void MoreTilesThanAGridHasBlocksAreLeftToTheOtherKernel()
    {
        Tensor x = Zeros(DType.Float32, 65536, 32768, 1, 2), y = Zeros(DType.Float32, 65536, 32768, 2, 1);
        Part(x, x.Count - 2, 2).CopyFrom<float>([5, 6]);
        StrideOver(y.Count);
        Backend.Permute(x, [0, 1, 3, 2], y);
        Assert.That(Part(y, y.Count - 2, 2).ToArray<float>(), Is.EqualTo(new[] { 5f, 6f }));
        Assert.That(AllCounters!.Keys, Is.EqualTo(new[] { "permute" }));
    }

    [TestCase(65535)]
    [TestCase(65536)]
    [TestCase(131_071)]
    public void ManyMatricesAreMultiplied(int batch) => CheckEnds([Floats(3, 5), Floats(5, 4)], [Floats(3, 4)],
        (x, y, _) => Backend.MatMul(x[0], false, x[1], false, y[0], false), 1, batch);

    [TestCase(ManyRows - 129)]
    [TestCase(ManyRows - 128)]
    [TestCase(ManyRows)]
    [TestCase(2 * ManyRows)]
    public void ManyRowsAreMultiplied(int rows)
    {
        float[] weight = Normal(12), bias = Normal(3);
        CheckEnds([Floats(4)], [Floats(3)], (x, y, _) => Backend.Linear(x[0], Input(weight, 3, 4), Input(bias), y[0]), 1, rows);
    }

    [TestCase(ManyRows)]
    public void ManyColumnsOfATransposedFactorAreMultiplied(int rows)
    {
        Tensor a = Zeros(DType.Float32, 2, rows), c = Zeros(DType.Float32, rows, 1);
        Part(a, rows - 1, 1).CopyFrom<float>([3]);
        Part(a, (2L * rows) - 1, 1).CopyFrom<float>([4]);
        Part(a, 0, 1).CopyFrom<float>([7]);
        Backend.MatMul(a, true, Input([10f, 100], 2, 1), false, c, false);
        Assert.That((c.Rows(0, 1).Item(), c.Rows(rows - 1, 1).Item()), Is.EqualTo((70.0, 430.0)));
    }

    // The last launch has two images, of which the first block and the last are those of two images alone.
    [TestCase(65535, AttentionUnits.Float32)]
    [TestCase(65537, AttentionUnits.Float32)]
    [TestCase(65537, AttentionUnits.Tf32)]
    [TestCase(131_072, AttentionUnits.Bfloat16)]
    public void ManyImagesAttend(int images, AttentionUnits units)
    {
        CheckEnds([Floats(3, 24)], [Floats(3, 8), Floats(1, 3, 2)],
            (x, y, _) => Backend.Attention(units, x[0], 1, 0.3, y[0], y[1]), 1, images);
        CheckEnds([Floats(3, 24)], [Floats(3, 8)], (x, y, _) => Backend.Attention(units, x[0], 1, 0.3, y[0], null), 1, images);
        CheckEnds([Floats(3, 8), Floats(3, 8), Floats(3, 24), Floats(1, 3, 2)], [Floats(3, 24)],
            (x, y, _) => Backend.AttentionBackward(units, x[0], x[1], x[2], x[3], 1, 0.3, y[0]), 1, images);
    }

    /// <summary>What stands between the kept dimensions may be more than an int.</summary>
    [Test]
    public void AMeanOverTheFirstDimensionHasManyElements()
    {
        Tensor x = Zeros(DType.Float32, 2, 65536, 32768), y = Zeros(DType.Float32, 65536, 32768);
        Tensor dx = Zeros(DType.Float32, 2, 65536, 32768);
        Part(x, y.Count - 1, 1).CopyFrom<float>([4]);
        Part(x, (2 * y.Count) - 1, 1).CopyFrom<float>([6]);
        StrideOver(y.Count);
        Backend.Mean(x, 0, y);
        Assert.That(Part(y, y.Count - 1, 1).Item(), Is.EqualTo(5));
        StrideOver(dx.Count);
        Backend.MeanBackward(y, 0, dx);
        Assert.That(Part(dx, (2 * y.Count) - 1, 1).Item(), Is.EqualTo(2.5));
    }

    /// <summary>cuDNN refuses tensors that an int cannot number; such convolutions are unfolded.</summary>
    [TestCase(524_287, true)]
    [TestCase(524_288, false)]
    public void LargeConvolutionsAreNotGivenToCudnn(int images, bool isGiven) =>
        Assert.That(new ConvolutionShape(images, 8, 8, 64, 1, 3, 3).IsNumberedByInt, Is.EqualTo(isGiven));

    [Test]
    public void LimitsAreRefused()
    {
        const DType f32 = DType.Float32, i32 = DType.Int32;
        Tensor one = Input([1f]), manyRows = Zeros(f32, 65536, 32768, 1), longRow = Zeros(f32, 1, int.MaxValue), labels = Input([0]);
        Tensor manyNumbers = Zeros(i32, 65536, 32768), manyColumns = Zeros(f32, 65536, 32768), wide = Zeros(f32, 1, 429_496_730);
        Tensor image = Zeros(f32, 1, 46341, 46342, 1), heads = Zeros(f32, 1, 1, 3 * 4 * 65536), tall = Zeros(f32, int.MaxValue, 1);
        Assert.Multiple(() =>
        {
            Refuses(() => Backend.LabelRank(manyRows, labels, labels), "2147483648 samples");
            Refuses(() => Backend.Softmax(longRow, longRow), "columns need");
            Refuses(() => Backend.SoftmaxBackward(longRow, longRow, longRow), "rows of at most");
            Refuses(() => Backend.LayerNorm(longRow, longRow, longRow, 1e-5, longRow, one), "columns need");
            Refuses(() => Backend.LabelRank(longRow, labels, labels), "rows of at most");
            Refuses(() => Backend.BinaryCrossEntropy(longRow, longRow, 0, 1, one, null), "rows of at most");
            Refuses(() => Backend.Mean(longRow, 1, one), "rows of at most");
            Refuses(() => Backend.CountRanks(manyNumbers, 5, labels), "2147483648 ranks");
            Refuses(() => Backend.FirstOutOfRange(manyNumbers, 5), "2147483648 labels");
            Refuses(() => Backend.SumLeading(manyColumns, manyColumns, false), "2147483648 columns");
            Refuses(() => Backend.AddBroadcast(manyColumns, manyColumns, manyColumns), "2147483648 elements");
            Refuses(() => Backend.BatchNormApply(wide, wide, null, false, wide), "at most 429496729 channels");
            Refuses(() => Backend.Attention(AttentionUnits.Float32, heads, 65536, 1, heads, null), "65535 heads");
            Refuses(() => Backend.MaxPool2d(image, new(new(2, 2), new(2, 2), new(0, 0)), image, image), "pixels of an image");
            Refuses(() => Backend.GlobalAvgPool2d(image, one), "pixels of an image");
            Refuses(() => Backend.MatMul(longRow, false, tall, false, Zeros(f32, 1, 1), false), "products an element");
            Refuses(() => Backend.AllocateHost(1L << 31), "bytes of a batch");
        });

        static void Refuses(Action operation, string words) =>
            Assert.That(operation, Throws.InstanceOf<ArgumentException>().With.Message.Contain(words));
    }
}
