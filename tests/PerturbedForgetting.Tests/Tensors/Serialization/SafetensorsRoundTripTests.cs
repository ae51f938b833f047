using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using CsCheck;
using PerturbedForgetting.Tensors.Serialization;
using PerturbedForgetting.Tests.Reference;

namespace PerturbedForgetting.Tests.Tensors.Serialization;

[TestFixture, Parallelizable]
sealed class SafetensorsRoundTripTests : TempFolderFixture
{
    [Test]
    public void EveryTypeAndShapeSurvives()
    {
        Random random = new(1);
        SafetensorsWriter writer = new([new("epoch", "3"), new("κλειδί \"quoted\"", "pf_sha256\":\"x\n\\")]);
        List<(string Name, SafetensorsDType DType, long[] Shape, byte[] Bytes)> tensors = [];
        long[][] shapes = [[], [1], [0, 5], [3, 7], [257, 3, 1, 85]];
        foreach (SafetensorsDType dtype in Enum.GetValues<SafetensorsDType>())
        {
            foreach (long[] shape in shapes)
            {
                byte[] bytes = new byte[shape.Aggregate(1L, (a, b) => a * b) * dtype.Size()];
                random.NextBytes(bytes);
                string name = $"{dtype.Name()}.ünï/{string.Join('x', shape)}";
                tensors.Add((name, dtype, shape, bytes));
                writer.Add(name, dtype, shape, stream => stream.Write(bytes));
            }
        }
        string path = folder["all.safetensors"];
        writer.Save(path);

        using SafetensorsFile file = SafetensorsFile.Open(path);
        file.Verify();
        Assert.That(file.Names, Is.EqualTo(tensors.Select(t => t.Name)));
        Assert.That(file.Metadata["κλειδί \"quoted\""], Is.EqualTo("pf_sha256\":\"x\n\\"));
        foreach ((string name, SafetensorsDType dtype, long[] shape, byte[] bytes) in tensors)
        {
            SafetensorsEntry entry = file.Entry(name);
            byte[] read = new byte[entry.ByteLength];
            entry.Read(read);
            Assert.That((entry.DType, entry.ShapeText), Is.EqualTo((dtype, $"[{string.Join(", ", shape)}]")));
            Assert.That(read, Is.EqualTo(bytes), name);
        }
    }

    [Test]
    public void TheSameInputGivesTheSameBytesInTheOrderGiven()
    {
        byte[] first = Sample("x").ToArray(), second = Sample("x").ToArray();
        Assert.That(second, Is.EqualTo(first));
        Assert.That(Sample("y").ToArray(), Is.Not.EqualTo(first));
        long headerLength = BinaryPrimitives.ReadInt64LittleEndian(first);
        Assert.That(headerLength % 8, Is.Zero);
        Assert.That(first.AsSpan(8 + (int)headerLength, 4).ToArray(), Is.EqualTo(BitConverter.GetBytes(1.5f)));
        // Another JSON parser agrees, padding included, and the length is that of the file.
        using JsonDocument json = JsonDocument.Parse(Encoding.UTF8.GetString(first, 8, (int)headerLength));
        Assert.That(json.RootElement.EnumerateObject().Select(p => p.Name), Is.EqualTo(new[] { "__metadata__", "w", "n" }));
        Assert.That(long.Parse(json.RootElement.GetProperty("__metadata__").GetProperty("pf_file_bytes").GetString()!),
            Is.EqualTo(first.Length));
    }

    [Test]
    public void FloatingPointTypesAreConvertedToSingle()
    {
        float[] values = [0f, -0f, 1f, -1.5f, 65504f, 1e-7f, float.PositiveInfinity, float.NegativeInfinity, float.NaN, 3.14159274f];
        // More than one chunk of the conversion.
        float[] many = Enumerable.Range(0, 100_001).Select(i => values[i % values.Length]).ToArray();
        SafetensorsWriter writer = new();
        long[] shape = [many.Length];
        writer.Add<double>("f64", SafetensorsDType.F64, shape, Array.ConvertAll(many, x => (double)x));
        writer.Add<Half>("f16", SafetensorsDType.F16, shape, Array.ConvertAll(many, x => (Half)x));
        writer.Add<ushort>("bf16", SafetensorsDType.BF16, shape,
            Array.ConvertAll(many, x => (ushort)(BitConverter.SingleToUInt32Bits(x) >> 16)));
        writer.Add<float>("f32", SafetensorsDType.F32, shape, many);
        writer.Add<int>("i32", SafetensorsDType.I32, [1], new[] { 7 });
        string path = folder["floats.safetensors"];
        writer.Save(path);

        using SafetensorsFile file = SafetensorsFile.Open(path);
        Assert.That(Read("f64"), Is.EqualTo(many));
        Assert.That(Read("f32"), Is.EqualTo(many));
        Assert.That(Read("f16"), Is.EqualTo(Array.ConvertAll(many, x => (float)(Half)x)));
        Assert.That(Read("bf16"),
            Is.EqualTo(Array.ConvertAll(many, x => BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(x) & 0xffff0000u))));
        Assert.That(() => file.Entry("i32").ReadFloat32(new float[1]), Throws.TypeOf<SafetensorsException>().With.Message.Contains("I32"));
        Assert.That(() => file.Entry("f32").ReadFloat32(new float[1]), Throws.ArgumentException.With.Message.Contains("100001"));
        Assert.That(() => file.Entry("absent"), Throws.TypeOf<SafetensorsException>().With.Message.Contains("absent"));

        float[] Read(string name)
        {
            float[] result = new float[many.Length];
            file.Entry(name).ReadFloat32(result);
            return result;
        }
    }

    /// <summary>Whichever byte is damaged, opening or verifying says so.</summary>
    [Test]
    public void AnyFlippedByteIsFound()
    {
        byte[] good = Sample("x").ToArray();
        string path = folder["flipped.safetensors"];
        int dataStart = 8 + (int)BinaryPrimitives.ReadInt64LittleEndian(good);
        int byChecksum = 0;
        for (int i = 0; i < good.Length; i++)
        {
            byte[] bad = [.. good];
            bad[i] ^= 0x10;
            File.WriteAllBytes(path, bad);
            SafetensorsException error = Assert.Throws<SafetensorsException>(() => OpenAndVerify(path), $"byte {i}")!;
            Assert.That(error.Message, Does.Contain(path));
            if (i >= dataStart)
                Assert.That(error.Message, Does.Contain("checksum"), $"byte {i}");
            byChecksum += error.Message.Contains("checksum") ? 1 : 0;
        }
        Assert.That(byChecksum, Is.GreaterThan(good.Length - dataStart));
    }

    [Test]
    public void RandomDamageNeverCausesAnotherException()
    {
        byte[] good = Sample("x").ToArray();
        string path = folder["fuzz.safetensors"];
        Gen.Select(Gen.Int[0, good.Length], Gen.Select(Gen.Int[0, good.Length - 1], Gen.Byte).Array[0, 6])
            .Sample((length, edits) =>
            {
                byte[] bad = [.. good];
                foreach ((int at, byte value) in edits)
                    bad[at] = value;
                File.WriteAllBytes(path, bad[..length]);
                try
                {
                    OpenAndVerify(path);
                    Assert.That(bad[..length], Is.EqualTo(good));
                }
                catch (SafetensorsException)
                {
                }
            }, iter: 3000, threads: 1);
    }

    [Test]
    public void RandomJsonNeverCausesAnotherException()
    {
        string path = folder["json.safetensors"];
        string[] pieces = ["{", "}", "[", "]", ":", ",", "\"a\"", "\"dtype\"", "\"F32\"", "\"shape\"", "\"data_offsets\"",
            "\"__metadata__\"", "0", "4", "-1", "1e99", "\"\\ud800\"", "null", "true", " "];
        Gen.Int[0, pieces.Length - 1].Select(i => pieces[i]).Array[0, 30].Sample(parts =>
        {
            byte[] json = Encoding.UTF8.GetBytes("{" + string.Concat(parts));
            byte[] length = BitConverter.GetBytes((long)json.Length);
            File.WriteAllBytes(path, [.. length, .. json, 0, 0, 0, 0]);
            try
            {
                using SafetensorsFile file = SafetensorsFile.Open(path);
            }
            catch (SafetensorsException)
            {
            }
        }, iter: 5000, threads: 1);
    }

    [Test]
    public void TheReferenceFilesAreWrittenBackWithTheSameTensors()
    {
        foreach (string name in new[] { "ops", "optim", "models", "metrics" })
        {
            using SafetensorsFile source = SafetensorsFile.Open(ReferenceData.PathOf(name + ".safetensors"));
            SafetensorsWriter writer = new(source.Metadata);
            foreach (string tensor in source.Names)
            {
                SafetensorsEntry entry = source.Entry(tensor);
                writer.Add(tensor, entry.DType, entry.Shape, stream => stream.Write(Bytes(entry)));
            }
            string path = folder[name];
            writer.Save(path);
            using SafetensorsFile copy = SafetensorsFile.Open(path);
            copy.Verify();
            Assert.That(copy.Names, Is.EqualTo(source.Names));
            foreach (string tensor in source.Names)
                Assert.That(Bytes(copy.Entry(tensor)).AsSpan().SequenceEqual(Bytes(source.Entry(tensor))), tensor);
        }
    }

    [Test]
    public void ASourceThatWritesTooLittleOrTooMuchIsRefused()
    {
        foreach (int bytes in new[] { 7, 9 })
        {
            SafetensorsWriter writer = new();
            writer.Add("a", SafetensorsDType.F32, [2], stream => stream.Write(new byte[bytes]));
            string path = folder["wrong"];
            Assert.That(() => writer.Save(path), Throws.InvalidOperationException);
            Assert.That(Directory.GetFileSystemEntries(folder.Path), Is.Empty);
        }
    }

    [Test]
    public void WrongArgumentsAreRefusedAtOnce()
    {
        SafetensorsWriter writer = new();
        writer.Add<float>("a", SafetensorsDType.F32, [1], new float[1]);
        Assert.That(() => writer.Add<float>("a", SafetensorsDType.F32, [1], new float[1]), Throws.ArgumentException);
        Assert.That(() => writer.Add<float>("__metadata__", SafetensorsDType.F32, [1], new float[1]), Throws.ArgumentException);
        Assert.That(() => writer.Add<float>("b", SafetensorsDType.F32, [2], new float[1]), Throws.ArgumentException);
        Assert.That(() => writer.Add<float>("c", SafetensorsDType.F64, [1], new float[1]), Throws.ArgumentException);
        Assert.That(() => writer.Add("d", SafetensorsDType.F32, [-1], _ => { }), Throws.InstanceOf<ArgumentException>());
        Assert.That(() => writer.Add("e", SafetensorsDType.F32, [1L << 40, 1L << 40], _ => { }), Throws.ArgumentException);
        Assert.That(() => new SafetensorsWriter([new("pf_sha256", "")]), Throws.ArgumentException);
    }

    static MemoryStream Sample(string value)
    {
        SafetensorsWriter writer = new([new("b", value), new("a", "1")]);
        writer.Add<float>("w", SafetensorsDType.F32, [2, 3], new[] { 1.5f, 2, 3, 4, 5, 6 });
        writer.Add<long>("n", SafetensorsDType.I64, [], new[] { 7L });
        MemoryStream stream = new();
        writer.WriteTo(stream);
        return stream;
    }

    static void OpenAndVerify(string path)
    {
        using SafetensorsFile file = SafetensorsFile.Open(path);
        file.Verify();
    }

    static byte[] Bytes(SafetensorsEntry entry)
    {
        byte[] bytes = new byte[entry.ByteLength];
        entry.Read(bytes);
        return bytes;
    }
}
