using System.Text;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Backends.Cuda;

namespace PerturbedForgetting.Tests.Cuda;

/// <summary>PTX from a folder in place of what ships.</summary>
sealed class KernelFilesTests
{
    [Test]
    public void AFolderTakesThePlaceOfWhatShips()
    {
        using var folder = new TempFolder();
        File.WriteAllText(Path.Combine(folder.Path, "relu.ptx"), ".version 7.8");
        File.WriteAllText(Path.Combine(folder.Path, "relu.txt"), "");
        KernelFiles files = KernelFiles.InFolder(folder.Path);
        Assert.That(files.Names, Is.EqualTo(new[] { "relu" }));
        Assert.That(Encoding.UTF8.GetString(files.Read("relu")), Is.EqualTo(".version 7.8\0"));
        Assert.That(files.Contains("gelu"), Is.False);
        Assert.That(() => files.Read("gelu"), Throws.ArgumentException.With.Message.Contains("'gelu'"));

        Assert.That(files.Without("gelu"), Is.TypeOf<DeviceException>().With.Message.Contains("no file there has the kernel 'gelu'"));

        File.Delete(Path.Combine(folder.Path, "relu.ptx"));
        Assert.That(() => files.Read("relu"), Throws.TypeOf<DeviceException>().With.Message.Contains("relu.ptx cannot be read"));
    }

    [Test]
    public void AFolderWithoutPtxIsExplained()
    {
        using var folder = new TempFolder();
        Assert.That(() => KernelFiles.InFolder(folder.Path), Throws.TypeOf<DeviceException>().With.Message
            .Contains($"'{folder.Path}' (PERTURBED_FORGETTING_PTX), but no *.ptx is in it"));
        Assert.That(() => KernelFiles.InFolder(Path.Combine(folder.Path, "none")), Throws.TypeOf<DeviceException>().With.Message
            .Contains("it cannot be read").And.Message.Contains("Without the variable"));
    }

    [Test]
    public void WhatShipsIsEmbedded()
    {
        Assert.That(KernelFiles.Embedded.Names, Does.Contain("relu").And.Ordered.Using<string>(StringComparer.Ordinal));
        Assert.That(Encoding.UTF8.GetString(KernelFiles.Embedded.Read("relu")), Does.Contain(".visible .entry relu(").And.EndsWith("\0"));
    }
}
