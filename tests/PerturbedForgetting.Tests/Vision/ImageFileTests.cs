using System.Diagnostics;
using System.IO.Compression;
using System.Net.Sockets;
using PerturbedForgetting.Tests.Reference;
using PerturbedForgetting.Vision.Imaging;

namespace PerturbedForgetting.Tests.Vision;

/// <summary>What kinds of files are opened, and how they are unpacked.</summary>
[CancelAfter(60_000)]
public class ImageFileTests
{
    static byte[] Reference(string file) => File.ReadAllBytes(ReferenceData.PathOf("images/" + file));

    static ImageDecodeException Fails(string path) => Assert.Throws<ImageDecodeException>(() => TestImages.Decode(path))!;

    static ImageDecodeException Fails(byte[] data, ImageDecoderOptions? options = null) =>
        Assert.Throws<ImageDecodeException>(() => TestImages.Decode(data, options))!;

    static byte[] Gzip(byte[] data)
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(data);
        return packed.ToArray();
    }

    [Test]
    [Platform("Linux")]
    public void OnlyRegularFilesAreOpened()
    {
        using var folder = new TestFolder();
        string pipe = folder.Path("pipe.jpg"), socket = folder.Path("socket.jpg"), device = folder.Path("device.jpg");
        using (var made = Process.Start("mkfifo", pipe))
            made.WaitForExit();
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(socket));
        File.CreateSymbolicLink(device, "/dev/zero");
        foreach (string path in (string[])[pipe, socket, device, folder.Root])
        {
            ImageDecodeException e = Fails(path);
            Assert.That((e.Problem, e.Reason, e.Path), Is.EqualTo((ImageProblem.Unreadable, "it is not a regular file", path)));
        }
        string link = folder.Path("link.png"), image = folder.Write("image.png", TestImages.Png(3, 2));
        File.CreateSymbolicLink(link, image);
        using RgbImage linked = TestImages.Decode(link);
        Assert.That(linked.Width, Is.EqualTo(3));
    }

    [Test]
    public void AFileThatIsNoImageIsNotReadToItsEnd()
    {
        using var folder = new TestFolder();
        string path = folder.Path("huge.jpg");
        using (FileStream file = File.Create(path))
            file.SetLength(1 << 30);
        long before = GC.GetAllocatedBytesForCurrentThread();
        ImageDecodeException e = Fails(path);
        Assert.That((e.Problem, e.Path, e.Bytes), Is.EqualTo((ImageProblem.UnknownFormat, path, 1L << 30)));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1 << 20));
    }

    [Test]
    public void APackedImageIsWholeOrAnError()
    {
        foreach (byte[] image in (byte[][])[Reference("img3_33x47_q90_444.jpg"), TestImages.Png(60, 50)])
        {
            byte[] packed = Gzip(image);
            using RgbImage expected = TestImages.Decode(image), actual = TestImages.Decode(packed);
            Assert.That(actual.Pixels.SequenceEqual(expected.Pixels));
            for (int length = 2; length < packed.Length; length += length < packed.Length - 40 ? 37 : 1)
                Assert.That(Fails(packed[..length]).Problem, Is.EqualTo(ImageProblem.Truncated), $"{length} of {packed.Length} bytes");
            for (int at = packed.Length - 8; at < packed.Length; at++)
            {
                byte[] damaged = [.. packed];
                damaged[at] ^= 1;
                Assert.That(Fails(damaged).Problem, Is.EqualTo(ImageProblem.Corrupt), $"byte {at}");
            }
            using RgbImage padded = TestImages.Decode([.. packed, 0, 0, 0]);
            Assert.That(padded.Pixels.SequenceEqual(expected.Pixels), "bytes behind the packed image");
        }
    }

    [Test]
    public void WhatIsPackedTakesNoMoreMemoryThanImagesMay()
    {
        byte[] zeros = Gzip(new byte[100 << 20]), behind = Gzip([.. TestImages.Png(3, 2), .. new byte[100 << 20]]);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.That(Fails(zeros).Problem, Is.EqualTo(ImageProblem.UnknownFormat));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(1 << 20));
        Assert.That(Fails(behind, new ImageDecoderOptions { MaxPixels = 1 << 20 }).Problem, Is.EqualTo(ImageProblem.TooLarge));
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(32 << 20));
    }

    [Test]
    public void AnImageThatTakesTooLongIsGivenUp()
    {
        ImageDecodeException e = Fails(TestImages.Png(30, 20), new ImageDecoderOptions { MaxTime = TimeSpan.Zero });
        Assert.That((e.Problem, e.Reason),
            Is.EqualTo((ImageProblem.TooSlow, "decoding it takes more than 0 s; store it again in a usual way")));
    }

    [Test]
    public void DecodingEndsInTheMiddleOfAnImage()
    {
        using var stop = new CancellationTokenSource();
        using var decoder = new ImageDecoder { Stop = stop.Token };
        using var image = new RgbImage();
        decoder.Open(TestImages.Png(30, 20));
        stop.Cancel();
        Assert.That(() => decoder.Decode(CropBox.Whole(30, 20), image), Throws.InstanceOf<OperationCanceledException>());
    }
}
