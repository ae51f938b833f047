using System.Buffers.Binary;
using System.IO.Hashing;
using PerturbedForgetting.Vision.Datasets.Containers.Records;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Fuzz;

/// <summary>Decodes an image twice: all of it by default, and a part of it turned and filled.</summary>
sealed class ImageFuzzReader : FuzzReader
{
    readonly ImageDecoder strict = new(), lenient = new(new ImageDecoderOptions { FillTruncated = true, ApplyExifOrientation = true });
    readonly RgbImage image = new();

    public override long Read(byte[] mutant)
    {
        long pixels = 0;
        try
        {
            (int width, int height) = strict.Open(mutant);
            pixels = (long)width * height;
            strict.Decode(new CropBox(0, 0, height, width), image);
        }
        catch (ImageDecodeException e) when (IsExpected(e))
        {
        }
        try
        {
            (int width, int height) = lenient.Open(mutant);
            lenient.Decode(new CropBox(height / 3, width / 4, 1 + height / 2, 1 + width / 2), image);
        }
        catch (ImageDecodeException e) when (IsExpected(e))
        {
        }
        return pixels;
    }

    public override void Dispose()
    {
        strict.Dispose();
        lenient.Dispose();
        image.Dispose();
    }

    /// <summary>An image that takes too long is a finding, and so is an error that nobody meant and the decoder only wrapped.</summary>
    static bool IsExpected(ImageDecodeException e) => e.Problem != ImageProblem.TooSlow
        && e.InnerException is not (IndexOutOfRangeException or ArgumentException or NullReferenceException or ArithmeticException
            or InvalidCastException or KeyNotFoundException);
}

/// <summary>Repairs what would hide the rest of a mutant.</summary>
static class Repairs
{
    /// <summary>A mutant of archives in which members and their lengths agree with the directory in half of them: bytes are changed within
    /// what is stored, most of all in the pickle.</summary>
    public static byte[] MutateWeights(IReadOnlyList<byte[]> seeds, Random random)
    {
        if (random.Next(2) == 0)
            return ByteMutator.Mutate(seeds, random);
        byte[] mutant = [.. seeds[random.Next(seeds.Count)]];
        for (int changes = random.Next(1, 5); changes > 0; changes--)
        {
            // The pickle lies in the first thousand bytes or so.
            int at = random.Next(Math.Min(mutant.Length, random.Next(2) == 0 ? 1200 : mutant.Length));
            mutant[at] = random.Next(3) switch
            {
                0 => (byte)random.Next(256),
                1 => mutant[random.Next(mutant.Length)],
                _ => (byte)(mutant[at] + random.Next(-2, 3)),
            };
        }
        return mutant;
    }

    /// <summary>A mutant of PNGs whose checksums are right in three of four, so that what is behind them is reached.</summary>
    public static byte[] MutatePng(IReadOnlyList<byte[]> seeds, Random random)
    {
        byte[] png = ByteMutator.Mutate(seeds, random);
        if (random.Next(4) == 0)
            return png;
        for (int at = 8; at + 12 <= png.Length;)
        {
            uint length = BinaryPrimitives.ReadUInt32BigEndian(png.AsSpan(at));
            if (length > png.Length - at - 12)
                break;
            Span<byte> body = png.AsSpan(at + 4, (int)length + 4);
            BinaryPrimitives.WriteUInt32BigEndian(png.AsSpan(at + 8 + (int)length), Crc32.HashToUInt32(body));
            at += 12 + (int)length;
        }
        return png;
    }

    /// <summary>A mutant of tar archives whose headers have their checksums in three of four.</summary>
    public static byte[] MutateTar(IReadOnlyList<byte[]> seeds, Random random)
    {
        const int block = 512, checksumAt = 148, checksumLength = 8, magicAt = 257;
        byte[] tar = ByteMutator.Mutate(seeds, random);
        if (random.Next(4) == 0)
            return tar;
        for (int at = 0; at + block <= tar.Length; at += block)
        {
            Span<byte> header = tar.AsSpan(at, block);
            if (!header.Slice(magicAt, 5).SequenceEqual("ustar"u8))
                continue;
            header.Slice(checksumAt, checksumLength).Fill((byte)' ');
            int sum = 0;
            foreach (byte value in header)
                sum += value;
            for (int digit = 5; digit >= 0; digit--, sum >>= 3)
                header[checksumAt + digit] = (byte)('0' + (sum & 7));
            header[checksumAt + 6] = 0;
        }
        return tar;
    }

    /// <summary>A mutant of TFRecord files whose checksums are right in three of four.</summary>
    public static byte[] MutateTfRecord(IReadOnlyList<byte[]> seeds, Random random)
    {
        byte[] records = ByteMutator.Mutate(seeds, random);
        if (random.Next(4) == 0)
            return records;
        for (int at = 0; at + TfRecord.FrameLength <= records.Length;)
        {
            ulong length = BinaryPrimitives.ReadUInt64LittleEndian(records.AsSpan(at));
            if (length > (ulong)(records.Length - at - TfRecord.FrameLength))
                break;
            Span<byte> frame = records.AsSpan(at, TfRecord.FrameLength + (int)length);
            TfRecord.WriteHeader(frame, (int)length);
            ReadOnlySpan<byte> data = frame[TfRecord.HeaderLength..^TfRecord.FooterLength];
            BinaryPrimitives.WriteUInt32LittleEndian(frame[^TfRecord.FooterLength..], Crc32C.Masked(data));
            at += frame.Length;
        }
        return records;
    }
}
