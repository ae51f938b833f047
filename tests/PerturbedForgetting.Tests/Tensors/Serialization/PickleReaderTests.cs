using System.Numerics;
using PerturbedForgetting.Tensors.Serialization.Pickle;

namespace PerturbedForgetting.Tests.Tensors.Serialization;

/// <summary>Pickles of every protocol as Python wrote them, and hostile ones.</summary>
public class PickleReaderTests
{
    [Test]
    public void EveryProtocol([Range(0, 5)] int protocol)
    {
        var dict = (PickleDict)Read($"everything{protocol}.pkl")!;
        Assert.That(dict["none"], Is.Null);
        Assert.That(dict["true"], Is.True);
        Assert.That((long[])[(long)dict["small"]!, (long)dict["middle"]!, (long)dict["negative"]!, (long)dict["large"]!],
            Is.EqualTo(new[] { 5, 300, -7, 1L << 40 }));
        Assert.That(dict["huge"], Is.EqualTo(BigInteger.One << 70));
        Assert.That(dict["minus"], Is.EqualTo(-(BigInteger.One << 70)));
        Assert.That(dict["float"], Is.EqualTo(0.1));
        Assert.That(dict["infinity"], Is.EqualTo(double.PositiveInfinity));
        Assert.That(dict["text"], Is.EqualTo("Grüße\n\\u1234 \U0001F600"));
        Assert.That(dict["bytes"], Is.EqualTo("\0\xFF'\"\\n".Select(static c => (byte)c)));
        Assert.That(((PickleTuple)dict["tuple"]!).Items.Length, Is.Zero);
        foreach (object? tuple in ((PickleTuple)dict["tuples"]!).Items)
            Assert.That(((PickleTuple)tuple!).Items[^1], Is.EqualTo((long)((PickleTuple)tuple).Items.Length));
        Assert.That(((PickleList)dict["set"]!).Items, Is.EqualTo(new object[] { 1L }));
        Assert.That(((PickleList)dict["frozen"]!).Items, Is.EqualTo(new object[] { 2L }));
        Assert.That(((PickleDict)dict["ordered"]!).Texts, Is.EqualTo(new (string, object?)[] { ("a", 1L), ("b", 2L) }));
        Assert.That(((PickleDict)dict["default"]!)["a"], Is.InstanceOf<PickleList>());
        Assert.That(dict["key"], Is.EqualTo("bytes"));
        Assert.That(dict["scalar"], Is.EqualTo(0.5));
        Assert.That(dict["bytearray"], Is.EqualTo("ab"u8.ToArray()));
        Assert.That(dict["self"], Is.SameAs(dict["list"]));
    }

    [Test]
    public void ArraysInEveryProtocol([Range(0, 5)] int protocol)
    {
        var dict = (PickleDict)Read($"everything{protocol}.pkl")!;
        var array = (NumpyArray)dict["array"]!;
        Assert.That((array.Type.Code, array.FortranOrder), Is.EqualTo(("i2", false)));
        Assert.That(array.Shape, Is.EqualTo(new[] { 2L, 3 }));
        Assert.That(array.Data.ToArray(), Is.EqualTo(new byte[] { 0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0 }));
        var fortran = (NumpyArray)dict["fortran"]!;
        Assert.That(fortran.Data.ToArray(),
            Is.EqualTo(fortran.FortranOrder ? new byte[] { 0, 3, 1, 4, 2, 5 } : [0, 1, 2, 3, 4, 5]));
        Assert.That(((NumpyArray)dict["objects"]!).Objects, Is.EqualTo(new object[] { 1L, "x" }));
    }

    [Test]
    public void AListMayContainItself()
    {
        var loop = (PickleList)((PickleDict)Read("loop.pkl")!)["loop"]!;
        Assert.That(loop.Items[0], Is.SameAs(loop));
    }

    static object? Read(string file) => PickleReader.Read(File.ReadAllBytes(WeightsSamples.PathOf(file)), file).Value;
}
