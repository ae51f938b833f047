using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Tensors.Serialization.Pickle;

namespace PerturbedForgetting.Tests.Tensors.Serialization;

/// <summary>Files made to do harm, and damaged ones: refused in words, in bounded time and memory.</summary>
[TestFixture]
sealed class HostileWeightsTests : TempFolderFixture
{
    static IEnumerable<TestCaseData> Pickles()
    {
        yield return Case("LONG4 of 2 GB", [0x80, 2, 0x8b, 0xff, 0xff, 0xff, 0x7f], "whole number of 2147483647 bytes");
        yield return Case("text of 4 GB", [.. "X"u8, 0xff, 0xff, 0xff, 0xff], "4294967295 bytes are to follow");
        yield return Case("bytes of 2^63", [0x8e, 0, 0, 0, 0, 0, 0, 0, 0x80, 1], "are to follow");
        yield return Case("negative text", [.. "T"u8, 0xff, 0xff, 0xff, 0xff], "text is to have -1 bytes");
        yield return Case("frame", [0x80, 4, 0x95, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0], "frame of 4294967295 bytes");
        yield return Case("protocol", [0x80, 9], "protocol 9");
        yield return Case("nothing to pop", [.. "0."u8], "nothing on the stack");
        yield return Case("no mark", [.. "t."u8], "no mark");
        yield return Case("below a mark", [.. "N(0b."u8], "nothing on the stack");
        yield return Case("unknown memo", [.. "h"u8, 7], "value 7");
        yield return Case("extension", [0x82, 1], "extension registry");
        yield return Case("not a pickle", [1, 2, 3], "0x01 is no instruction");
        yield return Case("cut off", [0x80, 2, .. "]"u8], "ends before it is complete");
        yield return Case("list as a key", [.. "}]NsN."u8], "used as a key");
        yield return Case("digits", [.. Encoding.ASCII.GetBytes("I" + new string('9', 5000) + "\n.")], "thousands of digits");
        yield return Case("persistent", [.. "N"u8, .. "Q."u8], "outside of the pickle");
        // Each dictionary takes one byte here and dozens in memory.
        yield return Case("dictionaries", [.. Enumerable.Repeat((byte)'}', 1 << 20)], "times its own length in memory");
        // A tuple of a tuple of a tuple, each twice: 2^n leaves, but n objects.
        yield return Case("laughs", [.. "("u8, .. Enumerable.Repeat(")20"u8.ToArray(), 10).SelectMany(static b => b), .. "t"u8], "ends "
            + "before");
        yield return Case("long key again and again", [.. LongKeys()], "times its own length in memory");
    }

    [TestCaseSource(nameof(Pickles))]
    public void APickleThatDoesHarmIsRefused(byte[] pickle, string reason)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.That(() => PickleReader.Read(pickle, "bad.pkl"),
            Throws.TypeOf<PickleException>().With.Message.Contains("'bad.pkl'").And.Message.Contains(reason));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan((64 << 20) + 10 * pickle.Length));
    }

    [Test]
    public void DeepNestingIsNoRecursion()
    {
        byte[] pickle = [.. Enumerable.Repeat((byte)']', 100_000), .. Enumerable.Repeat((byte)'a', 99_999), (byte)'.'];
        object? value = PickleReader.Read(pickle, "deep").Value;
        int depth = 0;
        for (; value is PickleList list; depth++)
            value = list.Items.Count > 0 ? list.Items[0] : null;
        Assert.That(depth, Is.EqualTo(100_000));
    }

    /// <summary>Members whose directory entries all point to the same data.</summary>
    [Test]
    public void OverlappingMembersAreRefused()
    {
        byte[] zip = File.ReadAllBytes(WeightsSamples.PathOf("zip.pth"));
        int first = Find(zip, 0x02014b50, 0), second = Find(zip, 0x02014b50, first + 4), third = Find(zip, 0x02014b50, second + 4);
        BinaryPrimitives.WriteUInt32LittleEndian(zip.AsSpan(third + 42), BinaryPrimitives.ReadUInt32LittleEndian(zip.AsSpan(second + 42)));
        Assert.That(() => Open(zip), Throws.TypeOf<WeightsException>().With.Message.Contains("is not where the directory says"));
        zip = File.ReadAllBytes(WeightsSamples.PathOf("zip.pth"));
        uint stored = BinaryPrimitives.ReadUInt32LittleEndian(zip.AsSpan(second + 20)) + 200;
        BinaryPrimitives.WriteUInt32LittleEndian(zip.AsSpan(second + 20), stored);
        BinaryPrimitives.WriteUInt32LittleEndian(zip.AsSpan(second + 24), stored);
        Assert.That(() => Open(zip), Throws.TypeOf<WeightsException>().With.Message.Contains("overlaps another"));
    }

    [Test]
    public void ABombIsRefusedAndABigArrayIsNotUnpackedUnasked()
    {
        using (var stream = File.Create(folder["bomb"]))
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create))
        using (Stream member = zip.CreateEntry("archive/data.pkl").Open())
            member.Write(new byte[10 << 20]);
        Assert.That(() => WeightsFile.Open(folder["bomb"]),
            Throws.TypeOf<WeightsException>().With.Message.Contains("claims 10485760 bytes"));
        using (var stream = File.Create(folder["zeros"]))
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create))
        using (Stream member = zip.CreateEntry("w.npy").Open())
        {
            const string Dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': (1048576, 4), }";
            byte[] header = Encoding.ASCII.GetBytes(Dictionary.PadRight(117) + "\n");
            member.Write([0x93, .. "NUMPY"u8, 1, 0, 118, 0]);
            member.Write(header);
            member.Write(new byte[16 << 20]);
        }
        long before = GC.GetAllocatedBytesForCurrentThread();
        using var file = WeightsFile.Open(folder["zeros"]);
        Assert.That(file.Entry("w").ShapeText, Is.EqualTo("[1048576, 4]"));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1 << 20));
    }

    [Test]
    public void ChangedBytesAreFoundByTheChecksum([Values("zip.pth", "stored.npz", "deflated.npz")] string name)
    {
        byte[] bytes = File.ReadAllBytes(WeightsSamples.PathOf(name));
        int data = Find(bytes, name == "zip.pth" ? BitConverter.SingleToUInt32Bits(WeightsSamples.Value(1)) : 0x04034b50u, 60);
        bytes[name == "zip.pth" ? data : data - 10] ^= 0x40;
        File.WriteAllBytes(folder[name], bytes);
        Assert.That(() =>
        {
            using var file = WeightsFile.Open(folder[name]);
            file.Verify();
        }, Throws.InstanceOf<WeightsException>().With.Message.Contains(name).And.Message.Contains("damaged"));
    }

    [TestCase("zip.pth")]
    [TestCase("legacy.pth")]
    [TestCase("deflated.npz")]
    [TestCase("single.npy")]
    public void EveryTruncationIsRefused(string name)
    {
        byte[] whole = File.ReadAllBytes(WeightsSamples.PathOf(name));
        for (int length = 9; length < whole.Length; length += 41)
            Assert.That(() => Open(whole[..length]), Throws.InstanceOf<WeightsException>(), $"{length} bytes");
        Assert.That(() => Open(whole[..^1]), Throws.InstanceOf<WeightsException>());
    }

    [TestCase("version https://git-lfs.github.com/spec/v1\n", "git lfs pull")]
    [TestCase("<!DOCTYPE html><html>", "web page")]
    [TestCase("\u0089HDF\r\n\u001a\n", "HDF5")]
    [TestCase("{\"metadata\": {}, \"weight_map\": {}}", "spread over several files")]
    [TestCase("\u001f\u008b\u0008\0\0\0\0\0\0", "gzip")]
    [TestCase("GGUF\u0003\0\0\0\0\0", "GGUF")]
    public void OtherFilesAreNamed(string content, string kind) =>
        Assert.That(() => Open(Encoding.Latin1.GetBytes(content)), Throws.TypeOf<WeightsException>().With.Message.Contains(kind));

    [TestCase("sys_info", "PyTorch 0.1")]
    [TestCase("model/weights.bin", "a tar archive")]
    public void TarArchivesAreNamed(string member, string kind)
    {
        using (var tar = new System.Formats.Tar.TarWriter(File.Create(folder["old.pth"])))
            tar.WriteEntry(new System.Formats.Tar.UstarTarEntry(System.Formats.Tar.TarEntryType.RegularFile, member)
            { DataStream = new MemoryStream([1]) });
        Assert.That(() => WeightsFile.Open(folder["old.pth"]), Throws.TypeOf<WeightsException>().With.Message.Contains(kind));
    }

    [Test]
    public void AFolderIsNamed()
    {
        File.WriteAllBytes(folder["model.safetensors"], []);
        Assert.That(() => WeightsFile.Open(folder.Path), Throws.TypeOf<WeightsException>().With.Message.Contains("'model.safetensors'"));
    }

    void Open(byte[] content)
    {
        File.WriteAllBytes(folder["file"], content);
        WeightsFile.Open(folder["file"]).Dispose();
    }

    static IEnumerable<byte> LongKeys()
    {
        byte[] start = [.. "}X"u8, .. BitConverter.GetBytes(1 << 16), .. new byte[1 << 16], .. "q"u8, 0, .. "0"u8];
        return start.Concat(Enumerable.Repeat<byte[]>([(byte)'h', 0, (byte)'N', (byte)'s'], 20_000).SelectMany(static b => b));
    }

    static int Find(byte[] bytes, uint signature, int from)
    {
        for (int at = from; ; at++)
            if (BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(at)) == signature)
                return at;
    }

    static TestCaseData Case(string name, byte[] pickle, string reason) => new TestCaseData(pickle, reason).SetArgDisplayNames(name);
}
