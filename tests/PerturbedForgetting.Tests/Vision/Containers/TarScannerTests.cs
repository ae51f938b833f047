using System.Text;
using PerturbedForgetting.Vision.Datasets;
using PerturbedForgetting.Vision.Datasets.Containers;
using PerturbedForgetting.Vision.Datasets.Containers.Tar;

namespace PerturbedForgetting.Tests.Vision.Containers;

/// <summary>Headers of archives as other programs write them, and damaged ones.</summary>
public class TarScannerTests
{
    static (List<TarMember> Members, TarFindings Findings) Scan(string path)
    {
        using var files = new ContainerFiles([path], new DatasetOptions());
        var file = new FileWindow(files, 0);
        var scanner = new TarScanner(file, path, 0, file.Length);
        List<TarMember> members = [];
        while (scanner.Next(out TarMember member))
            members.Add(member);
        return (members, TarFindings.Of(scanner));
    }

    static string ScanBytes(byte[] bytes, out List<TarMember> members)
    {
        using var folder = new TestFolder();
        string path = folder.Write("x.tar", bytes);
        members = [];
        try
        {
            (members, TarFindings findings) = Scan(path);
            return string.Join("\n", TarFindings.Describe([path], [findings]));
        }
        catch (DatasetException e)
        {
            Assert.That(e.Message, Does.Contain(path));
            return e.Message;
        }
    }

    /// <summary>A block with its checksum.</summary>
    static byte[] Header(string name, char type, string length)
    {
        var block = new byte[TarHeader.Size];
        Encoding.UTF8.GetBytes(name).CopyTo(block, 0);
        Encoding.ASCII.GetBytes(length).CopyTo(block, 124);
        block[156] = (byte)type;
        return Sealed(block);
    }

    static byte[] Sealed(byte[] block)
    {
        block.AsSpan(148, 8).Fill((byte)' ');
        int sum = block.Sum(static b => b);
        Encoding.ASCII.GetBytes($"{Convert.ToString(sum, 8).PadLeft(6, '0')}\0").CopyTo(block, 148);
        return block;
    }

    static byte[] Padded(string text) =>
        [.. Encoding.UTF8.GetBytes(text), .. new byte[(512 - Encoding.UTF8.GetByteCount(text) % 512) % 512]];

    static readonly byte[] end = new byte[1024];

    [TestCase("gnu", 17)]
    [TestCase("posix", 17)]
    [TestCase("bsd", 17)]
    [TestCase("bsdgnu", 17)]
    [TestCase("python", 17)]
    [TestCase("ustar", 14)]
    [TestCase("v7", 14)]
    [TestCase("prefix", 1)]
    [TestCase("updated", 5)]
    public void FindsWhatAnotherReaderFinds(string name, int count)
    {
        string path = StoredTars.PathOf($"tools/{name}.tar");
        List<(string Name, byte[] Data)> expected = StoredTars.Members(path);
        (List<TarMember> members, TarFindings findings) = Scan(path);
        byte[] bytes = File.ReadAllBytes(path);
        Assert.That(members.Select(static m => m.Name), Is.EqualTo(expected.Select(static m => m.Name)));
        Assert.That(members.Select(m => bytes[(int)m.Offset..(int)(m.Offset + m.Length)]), Is.EqualTo(expected.Select(static m => m.Data)));
        Assert.That(members.Any(static m => m.IsSparse), Is.False);
        Assert.That((findings.HasEnd, findings.Trailing, findings.Escapes), Is.EqualTo((true, 0L, 0)));
        Assert.That(members, Has.Count.EqualTo(count));
        Assert.That(findings.Specials, Is.EqualTo(name is "prefix" ? 0 : name is "updated" ? 1 : 2), "a hard and a symbolic link");
    }

    [TestCase("joined")]
    [TestCase("appended")]
    public void ArchivesBehindTheFirstAreRead(string name) =>
        Assert.That(Scan(StoredTars.PathOf($"tools/{name}.tar")).Members.Select(static m => m.Name),
            Does.Contain("ant/1.jpg").And.Contain("bee/5.jpg").And.Contain("bee/deep/4.webp"));

    [TestCase("gnu")]
    [TestCase("0.0")]
    [TestCase("0.1")]
    [TestCase("1.0")]
    public void SparseFilesAreKnownAndTheOthersFound(string kind)
    {
        List<TarMember> members = Scan(StoredTars.PathOf($"tools/sparse-{kind}.tar")).Members;
        Assert.That(members.Select(static m => (m.Name, m.IsSparse)),
            Is.EquivalentTo(new[] { ("ant/1.jpg", false), ("ant/2.jpg", true), ("ant/3.jpg", false) }));
    }

    [Test]
    public void LargeAndOddNumbersAreRead()
    {
        byte[] binary = Header("b", '0', "");
        binary[124] = 0x80;
        binary[135] = 3;
        byte[] archive =
        [
            .. Header("a", '0', " 3 "), .. Padded("abc"), .. Sealed(binary), .. Padded("abc"),
            .. Header("h", 'x', "13"), .. Padded("10 size=3\n\0"), .. Header("c", '0', "77777777777"), .. Padded("abc"),
            .. Header("h", 'g', "20"), .. Padded("16 comment=abcd\n"), .. Header("v", 'V', "0"), .. Header("d", '\0', "3\0junk"),
            .. Padded("abc"), .. end,
        ];
        Assert.That(ScanBytes(archive, out List<TarMember> members), Is.Empty);
        Assert.That(members.Select(static m => (m.Name, m.Length)), Is.EqualTo(new[] { ("a", 3L), ("b", 3L), ("c", 3L), ("d", 3L) }));
    }

    [Test]
    public void SignedChecksumsCount()
    {
        byte[] block = Header("\u00e9", '0', "0");
        int negative = block.Take(148).Concat(block.Skip(156)).Count(static b => b > 127);
        int sum = block.Take(148).Concat(block.Skip(156)).Sum(static b => (sbyte)b) + 8 * ' ';
        Assert.That(negative, Is.EqualTo(2));
        Encoding.ASCII.GetBytes($"{Convert.ToString(sum, 8).PadLeft(6, '0')}\0").CopyTo(block, 148);
        Assert.That(ScanBytes([.. block, .. end], out List<TarMember> members), Is.Empty);
        Assert.That(members.Single().Name, Is.EqualTo("\u00e9"));
    }

    [Test]
    public void NamesDoNotLeadOut()
    {
        byte[] archive =
        [
            .. Header("../out.jpg", '0', "0"), .. Header("a/../../out.jpg", '0', "0"), .. Header("/etc/in.jpg", '0', "0"),
            .. Header("./a//b/./c.jpg", '0', "0"), .. Header("link", '2', "0"), .. Header("pipe", '6', "0"),
            .. Header("odd", 'Z', "0"), .. end,
        ];
        Assert.That(ScanBytes(archive, out List<TarMember> members), Does.Contain("2 files").And.Contain("'..'").And.Contain("'link', …"));
        Assert.That(members.Select(static m => m.Name), Is.EqualTo(new[] { "etc/in.jpg", "a/b/c.jpg" }));
    }

    [Test]
    public void WhatIsCutShortIsNamed()
    {
        byte[] archive = [.. Header("a", '0', "3"), .. Padded("abc"), .. Header("b", '0', "1000"), .. new byte[1024], .. end];
        Assert.That(ScanBytes(archive[..1030], out _),
            Does.Contain("ends within a header").And.Contain("at byte 1024").And.Contain("'a', entry 1"));
        Assert.That(ScanBytes(archive[..1800], out _), Does.Contain("ends within 'b'").And.Contain("download it"));
        Assert.That(ScanBytes(archive[..(1536 + 1000)], out List<TarMember> members), Does.Contain("without an end mark"),
            "only what fills the last block is missing");
        Assert.That(members, Has.Count.EqualTo(2));
        Assert.That(ScanBytes(archive[..1024], out _), Does.Contain("without an end mark"));
        Assert.That(ScanBytes(archive[..(2560 + 512)], out _), Is.Empty);
        Assert.That(ScanBytes([.. archive, .. Encoding.ASCII.GetBytes("garbage")], out _), Does.Contain("7 bytes behind the end"));
        Assert.That(ScanBytes([], out _), Does.Contain("is empty"));
    }

    [TestCase("\u001f", "does not begin like a tar archive")]
    [TestCase("PK\u0003\u0004", "zip")]
    [TestCase("BZh9", "bzip2")]
    [TestCase("<html>", "does not begin like a tar archive")]
    public void OtherFilesAreNamed(string start, string what)
    {
        Assert.That(ScanBytes(Encoding.Latin1.GetBytes(start), out _), Does.Contain(what));
        Assert.That(ScanBytes([.. Encoding.Latin1.GetBytes(start), .. new byte[2000]], out _), Does.Contain(what));
    }

    [Test]
    public void DamagedHeadersAreNamed()
    {
        byte[] good = [.. Header("a", '0', "3"), .. Padded("abc"), .. Header("b", '0', "3"), .. Padded("abc"), .. end];
        byte[] bad = [.. good];
        bad[1024 + 20] ^= 1;
        Assert.That(ScanBytes(bad, out _), Does.Contain("header at byte 1024 (behind 'a', entry 1) has a wrong checksum"));
        Assert.That(ScanBytes([.. Header("a", '0', "9"), .. end], out _), Does.Contain("does not say how long"), "9 is not octal");
        Assert.That(ScanBytes([.. Header("a", 'x', "7777777"), .. end], out _), Does.Contain("ends within a header"));
        Assert.That(ScanBytes([.. Header("a", 'x', "7777777"), .. new byte[2100000]], out _), Does.Contain("claims 2097151 bytes"));
        Assert.That(ScanBytes([.. Header("a", 'x', "5"), .. Padded("99 a="), .. end], out _), Does.Contain("attributes that are none"));
        Assert.That(ScanBytes([.. Header("a", 'M', "0"), .. end], out _), Does.Contain("another volume"));
    }

    [Test]
    public void AnyDamageIsAnErrorOrHarmless()
    {
        byte[] good = File.ReadAllBytes(StoredTars.PathOf("tools/gnu.tar"));
        var random = new Random(3);
        for (int i = 0; i < 300; i++)
        {
            byte[] bad = [.. good];
            bad[random.Next(bad.Length)] ^= (byte)(1 << random.Next(8));
            ScanBytes(bad[..random.Next(i % 3 == 0 ? bad.Length : 1, bad.Length + 1)], out _);
        }
    }
}
