using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda.Nccl;
using PerturbedForgetting.Simulator.Libraries.Nccl;

namespace PerturbedForgetting.Tests.Cuda.Nccl;

/// <summary>The arithmetic of the software GPU's NCCL.</summary>
sealed class NcclReductionTests
{
    static T[] Of<T>(NcclDataType type, NcclOperation operation, params T[][] parts) where T : unmanaged
    {
        byte[][] bytes = [.. parts.Select(static part => MemoryMarshal.AsBytes<T>(part).ToArray())];
        return MemoryMarshal.Cast<byte, T>(NcclReduction.Of(bytes, 0, type, operation).AsSpan()).ToArray();
    }

    [Test]
    public void FloatsAreAddedInTheOrderOfTheRanks()
    {
        Assert.That(Of(NcclDataType.Float32, NcclOperation.Sum, [1e8f], [-1e8f], [1f]), Is.EqualTo(new[] { 1f }));
        Assert.That(Of(NcclDataType.Float32, NcclOperation.Sum, [1e8f], [1f], [-1e8f]), Is.EqualTo(new[] { 0f }));
        Assert.That(Of(NcclDataType.Float64, NcclOperation.Sum, [1e8], [1], [-1e8]), Is.EqualTo(new[] { 1.0 }));
    }

    [Test]
    public void AMeanScalesFirstAndDividesIntegersLast()
    {
        float third = 1f / 3;
        Assert.That(Of(NcclDataType.Float32, NcclOperation.Average, [float.MaxValue], [float.MaxValue], [5f])[0],
            Is.EqualTo((float.MaxValue * third) + (float.MaxValue * third) + (5 * third)), "no overflow on the way");
        Assert.That(Of(NcclDataType.Int32, NcclOperation.Average, [5, -5], [5, -6], [0, 0]), Is.EqualTo(new[] { 3, -3 }));
    }

    [Test]
    public void ExtremesPassOverNan()
    {
        Assert.That(Of(NcclDataType.Float32, NcclOperation.Max, [float.NaN, 1], [2f, float.NaN]), Is.EqualTo(new[] { 2f, 1f }));
        Assert.That(Of(NcclDataType.Float64, NcclOperation.Min, [double.NaN, 1], [2.0, double.NaN]), Is.EqualTo(new[] { 2.0, 1 }));
        Assert.That(Of<byte>(NcclDataType.UInt8, NcclOperation.Product, [3, 7], [5, 1]), Is.EqualTo(new byte[] { 15, 7 }));
        Assert.That(Of(NcclDataType.Int64, NcclOperation.Max, [long.MinValue], [-1L]), Is.EqualTo(new[] { -1L }));
    }

    /// <summary>Each sum is rounded to the nearest bfloat16, ties to even, so that small numbers vanish beside large ones.</summary>
    [Test]
    public void BFloat16IsRoundedAfterEachAddition()
    {
        ushort one = 0x3F80, half = 0x3F00, tiny = 0x3B80, next = 0x3F81, infinity = 0x7F80, nan = 0x7FC0, most = 0x7F7F;
        Assert.That(Of(NcclDataType.BFloat16, NcclOperation.Sum, [one], [tiny], [tiny]), Is.EqualTo(new[] { one }), "1 + 2^-8 is a tie");
        Assert.That(Of(NcclDataType.BFloat16, NcclOperation.Sum, [tiny], [tiny], [one]), Is.EqualTo(new[] { next }));
        Assert.That(Of(NcclDataType.BFloat16, NcclOperation.Average, [one], [one]), Is.EqualTo(new[] { one }));
        Assert.That(Of(NcclDataType.BFloat16, NcclOperation.Min, [one], [half]), Is.EqualTo(new[] { half }));
        Assert.That(Of(NcclDataType.BFloat16, NcclOperation.Sum, [most, nan], [most, one]), Is.EqualTo(new[] { infinity, nan }));
    }
}
