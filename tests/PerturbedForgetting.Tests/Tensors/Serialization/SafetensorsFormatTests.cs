using System.Buffers.Binary;
using System.Text;
using PerturbedForgetting.Tensors.Serialization;

namespace PerturbedForgetting.Tests.Tensors.Serialization;

/// <summary>Files built by hand from the format's description, well-formed and not.</summary>
[TestFixture]
sealed class SafetensorsFormatTests : TempFolderFixture
{
    [Test]
    public void AFileWrittenByHandIsRead()
    {
        // Length 0x60 = 96, the header padded with spaces, then [1.0, -2.5] and the half 0.5.
        string json = """{"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"b":{"dtype":"F16","shape":[],"data_offsets":[8,10]}}""";
        byte[] data = [0x00, 0x00, 0x80, 0x3f, 0x00, 0x00, 0x20, 0xc0, 0x00, 0x38];
        using SafetensorsFile file = SafetensorsFile.Open(Write(json.PadRight(112), data));
        Assert.That(file.Names, Is.EqualTo(new[] { "a", "b" }));
        SafetensorsEntry a = file.Entry("a"), b = file.Entry("b");
        Assert.That((a.DType, a.Count, a.ByteLength, a.ShapeText), Is.EqualTo((SafetensorsDType.F32, 2L, 8L, "[1, 2]")));
        float[] items = new float[2];
        a.ReadFloat32(items);
        Assert.That(items, Is.EqualTo(new[] { 1f, -2.5f }));
        float[] scalar = new float[1];
        b.ReadFloat32(scalar);
        Assert.That(scalar[0], Is.EqualTo(0.5f));
        byte[] raw = new byte[8];
        a.Read(raw);
        Assert.That(raw, Is.EqualTo(data[..8]));
        Assert.That(b.Shape.Length, Is.Zero);
        Assert.That(file.HasChecksum, Is.False);
        Assert.That(file.Verify, Throws.TypeOf<SafetensorsException>().With.Message.Contains("no checksum"));
    }

    [Test]
    public void NamesComeInTheOrderOfTheDataNotOfTheHeader()
    {
        string json = """{"z":{"dtype":"U8","shape":[1],"data_offsets":[2,3]},"__metadata__":{"k":"v"},""" + """
            "a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"empty":{"dtype":"F64","shape":[3,0],"data_offsets":[2,2]}}
            """;
        using SafetensorsFile file = SafetensorsFile.Open(Write(json, [1, 2, 3]));
        Assert.That(file.Names, Is.EqualTo(new[] { "a", "empty", "z" }));
        Assert.That(file.Metadata["k"], Is.EqualTo("v"));
        Assert.That(file.Entry("empty").Count, Is.Zero);
    }

    static TestCaseData Bad(string name, string json, int dataBytes, string word) =>
        new TestCaseData(json, dataBytes, word).SetArgDisplayNames(name);

    static IEnumerable<TestCaseData> Malformed()
    {
        const string A = "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}";
        yield return Bad("overlap", $"{{{A},\"b\":{{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}}}", 8, "overlaps");
        yield return Bad("gap", $"{{{A},\"b\":{{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[9,13]}}}}", 13, "gap of 1 bytes");
        yield return Bad("gap at the beginning", "{\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[1,5]}}", 5, "gap of 1 bytes");
        yield return Bad("trailing byte", $"{{{A}}}", 9, "1 bytes follow");
        yield return Bad("truncated data", $"{{{A}}}", 7, "truncated");
        yield return Bad("duplicate tensor", $"{{{A},{A}}}", 8, "'a' occurs twice");
        yield return Bad("duplicate by escape", $"{{{A},\"\\u0061\":{{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}}}", 8,
            "'a' occurs twice");
        yield return Bad("duplicate metadata", "{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", 0, "'k' occurs twice");
        yield return Bad("metadata twice", "{\"__metadata__\":{},\"__metadata__\":{}}", 0, "occurs twice");
        yield return Bad("metadata not a map", "{\"__metadata__\":\"x\"}", 0, "not an object");
        yield return Bad("metadata number", "{\"__metadata__\":{\"k\":1}}", 0, "not a string");
        yield return Bad("unknown type", "{\"a\":{\"dtype\":\"F8_E4M3\",\"shape\":[2],\"data_offsets\":[0,2]}}", 2, "F8_E4M3");
        yield return Bad("type is a number", "{\"a\":{\"dtype\":3,\"shape\":[2],\"data_offsets\":[0,2]}}", 2, "not a string");
        yield return Bad("size mismatch", "{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", 8, "takes 12 bytes");
        yield return Bad("shape overflow",
            "{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296,4294967296,4294967296],\"data_offsets\":[0,0]}}", 0,
            "larger than any file");
        yield return Bad("shape overflow to match", "{\"a\":{\"dtype\":\"U8\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}",
            0, "larger than any file");
        yield return Bad("negative size", "{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", 8, "whole numbers");
        yield return Bad("fractional size", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2.0],\"data_offsets\":[0,8]}}", 8, "whole numbers");
        yield return Bad("size beyond 63 bits", "{\"a\":{\"dtype\":\"F32\",\"shape\":[9223372036854775808],\"data_offsets\":[0,8]}}", 8,
            "whole numbers");
        yield return Bad("shape missing", "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", 8, "lacks");
        yield return Bad("shape not an array", "{\"a\":{\"dtype\":\"F32\",\"shape\":2,\"data_offsets\":[0,8]}}", 8, "not an array");
        yield return Bad("field twice", "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "twice");
        yield return Bad("unknown field", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":1}}", 8,
            "unknown field 'x'");
        yield return Bad("three offsets", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8,9]}}", 8, "[begin, end]");
        yield return Bad("offsets reversed", "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", 8, "[begin, end]");
        yield return Bad("offsets far outside",
            "{\"a\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[9223372036854775799,9223372036854775807]}}", 8, "truncated");
        yield return Bad("array", "[]", 0, "'{'");
        yield return Bad("empty header", "", 0, "'{'");
        yield return Bad("leading space", " {}", 0, "'{'");
        yield return Bad("unfinished", "{\"a\":{\"dtype\":\"F32\"", 0, "not valid JSON");
        yield return Bad("text after", "{}{}", 0, "not valid JSON");
        yield return Bad("lone surrogate", "{\"\\ud800\":{}}", 0, "not valid JSON");
        yield return Bad("deep", "{\"a\":{\"shape\":[[[[[[1]]]]]]}}", 0, "whole numbers");
        yield return Bad("checksum too short", "{\"__metadata__\":{\"pf_sha256\":\"00\"}}", 0, "64 hexadecimal");
    }

    [TestCaseSource(nameof(Malformed))]
    public void AMalformedHeaderIsRefusedNamingFileAndDefect(string json, int dataBytes, string word)
    {
        string path = Write(json, new byte[dataBytes]);
        SafetensorsException error = Assert.Throws<SafetensorsException>(() => SafetensorsFile.Open(path))!;
        Assert.That(error.Message, Does.Contain(path).And.Contain(word));
    }

    [TestCase(0, "0 bytes")]
    [TestCase(7, "7 bytes")]
    public void AFileShorterThanItsLengthFieldIsRefused(int bytes, string word)
    {
        string path = folder["short.safetensors"];
        File.WriteAllBytes(path, new byte[bytes]);
        Assert.That(() => SafetensorsFile.Open(path), Throws.TypeOf<SafetensorsException>().With.Message.Contains(word));
    }

    [TestCase(1L << 40, "at most 100000000")]
    [TestCase(-1L, "at most 100000000")]
    [TestCase(99_999_999L, "truncated")]
    public void AHeaderLengthIsNeverTrusted(long length, string word)
    {
        byte[] bytes = new byte[64];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, length);
        string path = folder["huge.safetensors"];
        File.WriteAllBytes(path, bytes);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.That(() => SafetensorsFile.Open(path), Throws.TypeOf<SafetensorsException>().With.Message.Contains(word));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1_000_000));
    }

    [Test]
    public void InvalidUtf8InANameIsRefused()
    {
        byte[] json = [.. "{\""u8, 0xff, 0xfe, .. "\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}}"u8];
        string path = Write(json, new byte[1]);
        Assert.That(() => SafetensorsFile.Open(path), Throws.TypeOf<SafetensorsException>().With.Message.Contains("JSON"));
    }

    string Write(string json, byte[] data) => Write(Encoding.UTF8.GetBytes(json), data);

    string Write(byte[] json, byte[] data)
    {
        byte[] length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        string path = folder["file é 模型.safetensors"];
        File.WriteAllBytes(path, [.. length, .. json, .. data]);
        return path;
    }
}
