using PerturbedForgetting.Tensors.Backends.Cuda.Kernels;

namespace PerturbedForgetting.Tests.Cuda.Kernels;

sealed class ColumnPartsTests
{
    /// <summary>There are 4096 counters; more groups of columns are not cut into parts.</summary>
    [TestCase(4096 * 64, 15)]
    [TestCase((4096 * 64) + 4, 1)]
    [TestCase((4096 * 16) - 1, 15)]
    [TestCase((4096 * 16) + 1, 1)]
    public void GroupsThatHaveNoCounterAreOnePart(int columns, int parts) =>
        Assert.That(new ColumnParts(1000, columns).Count, Is.EqualTo(parts));
}
