using System.Runtime.InteropServices;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Libraries;

namespace PerturbedForgetting.Tests.Cuda;

/// <summary>Ranges, with a profiler that writes them down.</summary>
sealed unsafe class NvtxTests
{
    static readonly NvtxName step = new("step");

    // Every test runs on one thread.
    [ThreadStatic] static List<string>? seen;

    [SetUp]
    public void Forget() => seen = [];

    [Test]
    public void RangesNest([Values("library", "profiler")] string source)
    {
        Nvtx nvtx = source == "library" ? Nvtx.From(Library, "libtest") : Nvtx.FromProfiler(Profiler(&Initialize), "libtest")!;
        Assert.That((nvtx.IsSupported, nvtx.Origin), Is.EqualTo((true, "libtest")));
        nvtx.Push(step);
        nvtx.Push(new NvtxName("perturb: ρ·d/‖d‖"));
        nvtx.Pop();
        nvtx.Pop();
        Assert.That(seen, Is.EqualTo(new[] { "step", "perturb: ρ·d/‖d‖", "/", "/" }));
    }

    [TestCase(0)]
    [TestCase(510)]
    [TestCase(511)]
    [TestCase(512)]
    [TestCase(5000)]
    public void NamesOfAnyLengthArriveWhole(int length)
    {
        Nvtx nvtx = Nvtx.From(Library, "libtest");
        string name = new('é', length / 2);
        name += new string('x', length % 2);
        nvtx.Push(new NvtxName(name));
        Assert.That(seen, Is.EqualTo(new[] { name }));
        Assert.That(new NvtxName(name).ToString(), Is.EqualTo(name));
    }

    [Test]
    public void WithoutAProfilerNothingIsCalledOrAllocated()
    {
        Work(Nvtx.None);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Work(Nvtx.None);
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
        Assert.That(Nvtx.None.IsSupported, Is.False);

        static void Work(Nvtx nvtx)
        {
            nvtx.Push(step);
            nvtx.Pop();
        }
    }

    [Test]
    public void NamesThatAreEncodedOnceAllocateNothing()
    {
        Nvtx nvtx = Nvtx.From(name => name == "nvtxRangePushA" ? (nint)(delegate* unmanaged<byte*, int>)&Ignore : Library(name), "libtest");
        nvtx.Push(step);
        long before = GC.GetAllocatedBytesForCurrentThread();
        nvtx.Push(step);
        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.Zero);
    }

    [Test]
    public void AProfilerThatListensToNothingGetsNothing()
    {
        Nvtx nvtx = Nvtx.FromProfiler(Profiler(&InitializeAndIgnore), "libtest")!;
        nvtx.Push(step);
        nvtx.Pop();
        Assert.That(seen, Is.Empty);
    }

    [Test]
    public void AProfilerThatRefusesIsNone()
    {
        Assert.That(Nvtx.FromProfiler(Profiler(&Refuse), "libtest"), Is.Null);
        Assert.That(Nvtx.FromProfiler(_ => 0, "libtest"), Is.Null);
    }

    [Test]
    public void TwoProfilersDoNotShareSlots()
    {
        Nvtx first = Nvtx.FromProfiler(Profiler(&Initialize), "libtest")!,
            second = Nvtx.FromProfiler(Profiler(&InitializeAndIgnore), "libtest")!;
        second.Push(new NvtxName("second"));
        first.Push(step);
        Assert.That(seen, Is.EqualTo(new[] { "step" }));
    }

    [Test]
    public void ALibraryWithoutRangesIsNone()
    {
        Nvtx nvtx = Nvtx.From(name => name == "nvtxRangePop" ? Library(name) : 0, "libold");
        nvtx.Push(step);
        Assert.That((nvtx.IsSupported, nvtx.Origin), Is.EqualTo((false, "libold lacks nvtxRangePushA or nvtxRangePop")));
    }

    [Test]
    public void APathOfAProfilerThatIsNotThereIsNoFailure()
    {
        LibraryReport missing = new(CudaLibrary.Nvtx, LibraryState.Missing, 0, "nowhere", IsNamed: false, []);
        Nvtx nvtx = Nvtx.Load(name => name == "NVTX_INJECTION64_PATH"
            ? Path.Join(Path.GetTempPath(), "no such library")
            : null, _ => missing);
        Assert.That((nvtx.IsSupported, nvtx.Origin), Is.EqualTo((false, "nowhere")));
    }

    static nint Library(string name) => name switch
    {
        "nvtxRangePushA" => (nint)(delegate* unmanaged<byte*, int>)&Push,
        "nvtxRangePop" => (nint)(delegate* unmanaged<int>)&Pop,
        _ => 0,
    };

    static Func<string, nint> Profiler(delegate* unmanaged<delegate* unmanaged<uint, void*>, int> initialize)
    {
        nint address = (nint)initialize;
        return name => name == "InitializeInjectionNvtx2" ? address : 0;
    }

    // What a profiler's library does when it is attached.
    [UnmanagedCallersOnly]
    static int Initialize(delegate* unmanaged<uint, void*> exportTable)
    {
        var version = (byte*)exportTable(3);
        if (*(nuint*)version != 24 || *(uint*)(version + 8) != 3)
            return 0;
        (*(delegate* unmanaged<uint, void>*)(version + 16))(3);
        nint** table = Core(exportTable);
        if (table is null || exportTable(2) is not null)
            return 0;
        *table[9] = Library("nvtxRangePushA");
        *table[11] = Library("nvtxRangePop");
        return 1;
    }

    [UnmanagedCallersOnly]
    static int InitializeAndIgnore(delegate* unmanaged<uint, void*> exportTable) => Core(exportTable) is null ? 0 : 1;

    [UnmanagedCallersOnly]
    static int Refuse(delegate* unmanaged<uint, void*> exportTable) => 0;

    static nint** Core(delegate* unmanaged<uint, void*> exportTable)
    {
        var callbacks = (byte*)exportTable(1);
        var moduleTable = *(delegate* unmanaged<int, nint***, uint*, int>*)(callbacks + 8);
        nint** core, core2;
        uint size;
        if (*(nuint*)callbacks != 16 || moduleTable(2, &core, &size) != 0 || moduleTable(5, &core2, &size) != 1
            || moduleTable(1, &core, &size) != 1)
            return null;
        bool isWhole = size == 16 && core[0] is null && core[16] is null;
        for (int i = 1; i < 16; i++)
            isWhole &= *core[i] == 0 && *core2[i] == 0 && core[i] != core2[i];
        return isWhole ? core : null;
    }

    [UnmanagedCallersOnly]
    static int Push(byte* name)
    {
        seen!.Add(Marshal.PtrToStringUTF8((nint)name)!);
        return seen.Count;
    }

    [UnmanagedCallersOnly]
    static int Pop()
    {
        seen!.Add("/");
        return 0;
    }

    [UnmanagedCallersOnly]
    static int Ignore(byte* name) => 0;
}
