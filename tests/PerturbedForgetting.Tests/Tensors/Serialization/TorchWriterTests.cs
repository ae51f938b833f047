using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using PerturbedForgetting.Tensors.Serialization;

namespace PerturbedForgetting.Tests.Tensors.Serialization;

/// <summary>Files for torch.load. That PyTorch reads them, <c>check_written.py</c> beside the samples shows: it was run on a file with the
/// hash that a test here expects.</summary>
public class TorchWriterTests
{
    static readonly SafetensorsDType[] Types = Enum.GetValues<SafetensorsDType>();

    [Test]
    public void EveryTypeIsReadBack()
    {
        using var folder = new TempFolder();
        string path = Path.Combine(folder.Path, "all.pth");
        Sample().Save(path);
        using var file = WeightsFile.Open(path);
        Assert.That(file.Names, Is.EqualTo(Types.Select(static t => $"of {t}").Append("scalar").Append("empty").Append("Grüße")));
        foreach (SafetensorsDType type in Types)
        {
            WeightsEntry entry = file.Entry($"of {type}");
            byte[] bytes = new byte[entry.ByteLength];
            entry.Read(bytes);
            Assert.That((entry.DType, entry.ShapeText, Convert.ToHexString(bytes)), Is.EqualTo((type, "[2, "
                + "3]", Convert.ToHexString(Bytes(type)))));
        }
        Assert.That(file.Entry("scalar").ReadCounter(), Is.EqualTo(1L << 40));
        Assert.That(file.Entry("empty").ShapeText, Is.EqualTo("[0, 4]"));
        file.Verify();
    }

    [Test]
    public void OtherReadersOfZipReadTheArchive()
    {
        using var stream = new MemoryStream();
        Sample().WriteTo(stream);
        using var zip = new ZipArchive(stream, ZipArchiveMode.Read);
        Assert.That(zip.Entries, Has.Count.EqualTo(Types.Length + 6));
        using var content = zip.GetEntry("archive/data/0")!.Open();
        byte[] bytes = new byte[48];
        content.ReadExactly(bytes);
        Assert.That(bytes, Is.EqualTo(Bytes(Types[0])));
    }

    [Test]
    public void TheFileIsTheOneThatPyTorchHasRead()
    {
        using var stream = new MemoryStream();
        Sample().WriteTo(stream);
        if (TestContext.Parameters["write"] is { } path)
            File.WriteAllBytes(path, stream.ToArray());
        Assert.That(Convert.ToHexStringLower(SHA256.HashData(stream.ToArray()))[..16], Is.EqualTo("fd558775e7ee78e5"));
    }

    [Test]
    public void ASourceOfAnotherLengthIsRefused()
    {
        var writer = new TorchWriter();
        writer.Add("w", SafetensorsDType.F32, [2], static s => s.Write(new byte[4]));
        Assert.That(() => writer.WriteTo(new MemoryStream()), Throws.InvalidOperationException.With.Message.Contains("unwritten"));
        Assert.That(() => writer.Add("w", SafetensorsDType.F32, [2], static _ => { }), Throws.ArgumentException);
    }

    static TorchWriter Sample()
    {
        var writer = new TorchWriter();
        foreach (SafetensorsDType type in Types)
            writer.Add($"of {type}", type, [2, 3], s => s.Write(Bytes(type)));
        writer.Add("scalar", SafetensorsDType.I64, [], static s => s.Write(BitConverter.GetBytes(1L << 40)));
        writer.Add("empty", SafetensorsDType.F32, [0, 4], static _ => { });
        writer.Add("Grüße", SafetensorsDType.F32, [1], static s => s.Write(BitConverter.GetBytes(0.5f)));
        return writer;
    }

    /// <summary>The numbers 1 to 6, or truth values.</summary>
    static byte[] Bytes(SafetensorsDType type) => type switch
    {
        SafetensorsDType.F64 => Items(static i => (double)i),
        SafetensorsDType.F32 => Items(static i => (float)i),
        SafetensorsDType.F16 => Items(static i => (Half)i),
        SafetensorsDType.BF16 => Items(static i => (ushort)(BitConverter.SingleToUInt32Bits(i) >> 16)),
        SafetensorsDType.I64 => Items(static i => (long)i),
        SafetensorsDType.I32 => Items(static i => i),
        SafetensorsDType.I16 => Items(static i => (short)i),
        SafetensorsDType.Bool => Items(static i => (byte)(i & 1)),
        _ => Items(static i => (byte)i),
    };

    static byte[] Items<T>(Func<int, T> item) where T : unmanaged =>
        MemoryMarshal.AsBytes(Enumerable.Range(1, 6).Select(item).ToArray().AsSpan()).ToArray();
}
