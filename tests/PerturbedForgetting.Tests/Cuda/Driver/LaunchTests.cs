using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Simulator.Driver;

namespace PerturbedForgetting.Tests.Cuda.Driver;

/// <summary>Modules, kernels, launches: what is accepted, what is refused, what a fault leaves behind.</summary>
sealed unsafe class LaunchTests
{
    SmallGpu gpu = null!;

    [SetUp]
    public void Open() => gpu = new SmallGpu();

    [TearDown]
    public void Close() => gpu.Dispose();

    CudaStream Stream => gpu.Context.DefaultStream;

    [Test]
    public void ArgumentsArriveOneByOneAndAsABuffer()
    {
        using DeviceBuffer<uint> y = gpu.Context.Allocate<uint>(8);
        gpu.Set(Stream, y, 7, threads: 8);
        Assert.That(y.ToArray(), Is.All.EqualTo(7));
        byte[] packed = [.. BitConverter.GetBytes(y.Pointer.Address), .. BitConverter.GetBytes(9)];
        nuint size = 12;
        fixed (byte* buffer = packed)
        {
            void** extra = stackalloc void*[] { (void*)1, buffer, (void*)2, &size, null };
            Assert.That(gpu.Api.Call.LaunchKernel(gpu.Module.GetKernel("set").Handle, 1, 1, 1, 8, 1, 1, 0, 0, null, extra),
                Is.EqualTo(CudaResult.Success));
            void** both = stackalloc void*[2];
            Assert.That(gpu.Api.Call.LaunchKernel(gpu.Module.GetKernel("set").Handle, 1, 1, 1, 8, 1, 1, 0, 0, both, extra),
                Is.EqualTo(CudaResult.InvalidValue));
            Assert.That(gpu.Api.Call.LaunchKernel(gpu.Module.GetKernel("set").Handle, 1, 1, 1, 8, 1, 1, 0, 0, both, null),
                Is.EqualTo(CudaResult.InvalidValue));
            size = 8;
            Assert.That(gpu.Api.Call.LaunchKernel(gpu.Module.GetKernel("set").Handle, 1, 1, 1, 8, 1, 1, 0, 0, null, extra),
                Is.EqualTo(CudaResult.InvalidValue));
        }
        Assert.That(y.ToArray(), Is.All.EqualTo(9));
    }

    [Test]
    public void ObserverIsToldBeforeAndAfterEachLaunchOfItsStream()
    {
        using DeviceBuffer<uint> y = gpu.Context.Allocate<uint>(8);
        using DeviceBuffer<uint> z = gpu.Context.Allocate<uint>(8);
        var observer = new Notes();
        using CudaStream other = gpu.Context.CreateStream();
        Stream.Observer = observer;
        gpu.Set(Stream, y, 1, threads: 8);
        gpu.Set(other, z, 2, threads: 8);
        Assert.That(() => gpu.Module.GetKernel("set").Launch(Stream, 1, 1, 1 << 30, y, 1), Throws.TypeOf<CudaException>());
        Stream.Observer = null;
        gpu.Set(Stream, y, 3, threads: 8);
        // The refused launch was announced and never came.
        Assert.That(observer.Lines, Is.EqualTo(new[] { "> set", "< set", "> set" }));
    }

    sealed class Notes : ILaunchObserver
    {
        public List<string> Lines { get; } = [];

        public void Launching(CudaStream stream, string name) => Lines.Add("> " + name);

        public void Launched(CudaStream stream, string name) => Lines.Add("< " + name);
    }

    [TestCase(0u, 1u, 1u, 32u, 1u, 1u, 0u, CudaResult.InvalidValue)]
    [TestCase(1u, 65536u, 1u, 32u, 1u, 1u, 0u, CudaResult.InvalidValue)]
    [TestCase(0x8000_0000u, 1u, 1u, 32u, 1u, 1u, 0u, CudaResult.InvalidValue)]
    [TestCase(1u, 1u, 1u, 0u, 1u, 1u, 0u, CudaResult.InvalidValue)]
    [TestCase(1u, 1u, 1u, 1025u, 1u, 1u, 0u, CudaResult.InvalidValue)]
    [TestCase(1u, 1u, 1u, 1u, 1u, 65u, 0u, CudaResult.InvalidValue)]
    [TestCase(1u, 1u, 1u, uint.MaxValue, uint.MaxValue, uint.MaxValue, 0u, CudaResult.InvalidValue)]
    [TestCase(1u, 1u, 1u, 65u, 1u, 1u, 0u, CudaResult.LaunchOutOfResources)]
    [TestCase(1u, 1u, 1u, 32u, 1u, 1u, 49153u, CudaResult.InvalidValue)]
    [TestCase(1u, 1u, 1u, 64u, 1u, 1u, 49152u, CudaResult.Success)]
    public void SizesOfALaunch(uint gridX, uint gridY, uint gridZ, uint blockX, uint blockY, uint blockZ, uint sharedBytes,
        CudaResult expected)
    {
        CudaKernel small = gpu.Module.GetKernel("small");
        CudaResult result = gpu.Api.Call.LaunchKernel(small.Handle, gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes, 0, null,
            null);
        Assert.That(result, Is.EqualTo(expected));
        Assert.That(gpu.Api.LastFinding!(), expected == CudaResult.Success ? Is.Null : Does.Contain("kernel small"));
        // A refused launch leaves the context as it was.
        gpu.Context.Synchronize();
    }

    /// <summary>How many registers a kernel takes, a compiler decides: what the software GPU estimates refuses nothing. Only what the text
    /// says does, and it bounds the estimate.</summary>
    [TestCase("", 1024, 255)]
    [TestCase(".maxntid 1024, 1, 1", 1024, 64)]
    [TestCase(".maxntid 256, 1, 1 .minnctapersm 4", 256, 64)]
    [TestCase(".maxntid 256", 256, 255)]
    [TestCase(".reqntid 512, 1, 1", 512, 128)]
    [TestCase(".maxnreg 40", 1024, 40)]
    public void RegistersAreEstimatedAndRefuseNothing(string directives, int threads, int registers)
    {
        // 300 values, of each thread its own, that are all in use at once.
        string[] values = [.. Enumerable.Range(0, 300).Select(i => $"%r{i}")];
        string body = string.Concat(values.Select((r, i) => $"ld.global.volatile.u32 {r}, [%rd1+{4 * i}];\n"))
            + string.Concat(values.Select((r, i) => $"st.global.u32 [%rd1+{4 * i}], {r};\n"));
        byte[] image = SmallGpu.Image(
            $".version 7.8\n.target sm_80\n.address_size 64\n.visible .entry many(.param .u64 y) {directives}\n{{\n"
            + ".reg .b32 %r<300>;\n.reg .b64 %rd<3>;\nld.param.u64 %rd1, [y];\nmov.u32 %r0, %tid.x;\nmul.wide.u32 %rd2, %r0, 1200;\n"
            + $"add.s64 %rd1, %rd1, %rd2;\n{body}ret;\n}}\n");
        CudaKernel kernel = gpu.Context.LoadModule(image, "many.ptx").GetKernel("many");
        int most;
        gpu.Api.Call.FuncGetAttribute(&most, CudaFunctionAttribute.MaxThreadsPerBlock, kernel.Handle);
        Assert.That((most, kernel.Registers), Is.EqualTo((threads, registers)));
        using DeviceBuffer<uint> y = gpu.Context.Allocate<uint>(300 * threads);
        Stream.FillWords(y, 3, 300 * threads);
        kernel.Launch(Stream, 1, threads, 0, y);
        gpu.Context.Synchronize();
        if (threads < 1024)
            Assert.That(() => kernel.Launch(Stream, 1, threads + 32, 0, y), Throws.TypeOf<CudaException>());
    }

    /// <summary>An assertion that fails has a code of its own, and ends the context.</summary>
    [Test]
    public void AnAssertionThatFailsSaysWhere()
    {
        const string Text = """
            .version 7.8
            .target sm_80
            .address_size 64
            .extern .func __assertfail(.param .b64 message, .param .b64 file, .param .b32 line, .param .b64 function, .param .b64 size)
            .noreturn;
            .global .b8 text[2] = {120, 0};
            .visible .entry k()
            {
                .reg .b64 %rd<2>;
                mov.u64 %rd1, text;
                cvta.global.u64 %rd1, %rd1;
                {
                .param .b64 a; .param .b64 b; .param .b32 c; .param .b64 d; .param .b64 e;
                st.param.b64 [a], %rd1; st.param.b64 [b], %rd1; st.param.b32 [c], 12; st.param.b64 [d], 0; st.param.b64 [e], 1;
                call.uni __assertfail, (a, b, c, d, e);
                }
                exit;
            }
            """;
        gpu.Context.LoadModule(SmallGpu.Image(Text), "k.ptx").GetKernel("k").Launch(Stream, 1, 1, 0);
        CudaException error = Assert.Throws<CudaException>(gpu.Context.Synchronize)!;
        Assert.That(error.Result, Is.EqualTo(CudaResult.Assert));
        Assert.That(error.Message, Does.Contain("710").And.Contain("x:12: (null): assertion `x` failed"));
    }

    [Test]
    public void MoreDynamicSharedMemoryMustBeAskedFor()
    {
        CudaKernel kernel = gpu.Module.GetKernel("shared");
        CudaException error = Assert.Throws<CudaException>(() => kernel.Launch(Stream, 1, 32, 48 << 10))!;
        Assert.That(error.Message, Does.Contain("kernel shared").And.Contain("MaxDynamicSharedSizeBytes"));
        Assert.That(() => kernel.AllowDynamicShared(163 << 10), Throws.TypeOf<CudaException>(), "1024 bytes are static");
        kernel.AllowDynamicShared(162 << 10);
        kernel.Launch(Stream, 1, 32, 162 << 10);
        gpu.Context.Synchronize();
        Assert.That(kernel.SharedBytes, Is.EqualTo(1024));
    }

    [Test]
    public void AKernelThatIsNotThereIsNamedWithThoseThatAre()
    {
        CudaException error = Assert.Throws<CudaException>(() => gpu.Module.GetKernel("sett"))!;
        Assert.That(error.Message, Does.Contain("no kernel 'sett' in small.ptx; it has add, copy, set, shared, small, wait"));
    }

    [Test]
    public void ModulesThatCannotBeLoadedSayWhy()
    {
        Assert.Multiple(() =>
        {
            Refused(SmallGpu.Image("\u007fELF"), CudaResult.InvalidImage, "no PTX");
            Refused(SmallGpu.Image(""), CudaResult.InvalidImage, "no PTX");
            Refused(SmallGpu.ImageWith("9.9", "sm_80"), CudaResult.UnsupportedPtxVersion, "version 9.9");
            Refused(SmallGpu.ImageWith("7.8", "sm_90"), CudaResult.InvalidPtx, "compute capability 9.0 or newer; the GPU has 8.0");
            Refused(SmallGpu.Image(".version 7.8\n.target sm_80\n.address_size 64\n.visible .entry k()\n{\n frobnicate.u32 ;\n}\n"),
                CudaResult.InvalidPtx, "frobnicate");
            Refused(SmallGpu.Image(".version 7.8\n.target sm_80\n.address_size 64\n.visible .entry k(\n"), CudaResult.InvalidPtx, "error:");
        });

        void Refused(byte[] image, CudaResult code, string text)
        {
            CudaException error = Assert.Throws<CudaException>(() => gpu.Context.LoadModule(image, "bad.ptx"))!;
            Assert.That(error.Result, Is.EqualTo(code));
            Assert.That(error.Message, Does.Contain("bad.ptx cannot be loaded").And.Contain(text));
        }
    }

    [Test]
    public void AnOldDriverNamesTheDriverThatIsNeeded()
    {
        using var old = new SimulatedDriver(new SimulatedDeviceOptions { DriverVersion = 11040 });
        using CudaContext context = CudaDevice.All(old.Api)[0].RetainPrimaryContext();
        CudaException error = Assert.Throws<CudaException>(() => context.LoadModule(SmallGpu.ImageWith("7.8", "sm_80"), "new.ptx"))!;
        Assert.That(error.Result, Is.EqualTo(CudaResult.UnsupportedPtxVersion));
        Assert.That(error.Message, Does.Contain("CUDA 11.8").And.Contain("for CUDA 11.4").And.Contain("Update the NVIDIA driver"));
    }

    [Test]
    public void ALogThatDoesNotFitIsCut()
    {
        byte[] image = SmallGpu.Image(".version 7.8\n.target sm_80\n.address_size 64\n.visible .entry k()\n{\n frobnicate.u32 ;\n}\n");
        byte* log = stackalloc byte[16];
        new Span<byte>(log, 16).Fill(0xee);
        CudaJitOption* options = stackalloc CudaJitOption[] { CudaJitOption.ErrorLogBuffer, CudaJitOption.ErrorLogBufferSizeBytes };
        void** values = stackalloc void*[] { log, (void*)8 };
        nint module;
        fixed (byte* text = image)
            Assert.That(gpu.Api.Call.ModuleLoadDataEx(&module, text, 2, options, values), Is.EqualTo(CudaResult.InvalidPtx));
        Assert.That((nint)values[1], Is.EqualTo((nint)8));
        Assert.That(new ReadOnlySpan<byte>(log, 9).ToArray(), Is.EqualTo("error: \0"u8.ToArray().Append((byte)0xee)));
    }

    [Test]
    public void AFaultNamesThePlaceAndSticks()
    {
        DeviceBuffer<uint> y = gpu.Context.Allocate<uint>(31);
        gpu.Set(Stream, y, 1);
        CudaException error = Assert.Throws<CudaException>(gpu.Context.Synchronize)!;
        Assert.That(error.Result, Is.EqualTo(CudaResult.IllegalAddress));
        Assert.That(error.Message, Does.Contain("set:").And.Contain("block (0, 0, 0), thread (31, 0, 0)").And.Contain("past the end"));
        Assert.That(error.Finding, Is.EqualTo(gpu.Driver.Fault));
        // The context is dead: all that follows says the same, and freeing is quiet.
        CudaException later = Assert.Throws<CudaException>(() => gpu.Context.Allocate<uint>(1))!;
        Assert.That(later.Result, Is.EqualTo(CudaResult.IllegalAddress));
        Assert.That(later.Finding, Is.EqualTo(error.Finding));
        y.Dispose();
        gpu.Module.Dispose();
    }

    [Test]
    public void AnEndlessKernelTimesOut()
    {
        using var driver = new SimulatedDriver(new SimulatedDeviceOptions { InstructionLimit = 10_000 });
        using CudaContext context = CudaDevice.All(driver.Api)[0].RetainPrimaryContext();
        CudaModule module = context.LoadModule(SmallGpu
            .Image(".version 7.8\n.target sm_80\n.address_size 64\n.visible .entry wait()\n{\nagain:\n bra.uni again;\n}\n"), "wait.ptx");
        module.GetKernel("wait").Launch(context.DefaultStream, 1, 32, 0);
        Assert.That(context.Synchronize, Throws.TypeOf<CudaException>().With.Property(nameof(CudaException.Result))
            .EqualTo(CudaResult.LaunchTimeout));
    }

    [Test]
    public void CountersAreKeptByKernel()
    {
        using DeviceBuffer<uint> y = gpu.Context.Allocate<uint>(64);
        gpu.Set(Stream, y, 1, threads: 64);
        gpu.Add(Stream, y, 1, threads: 64);
        gpu.Add(Stream, y, 1, threads: 32);
        gpu.Context.Synchronize();
        Assert.That(gpu.Driver.Counters["set"].BytesStored, Is.EqualTo(256));
        Assert.That(gpu.Driver.Counters["add"].Launches, Is.EqualTo(2));
        Assert.That(gpu.Driver.Counters["add"].BytesLoaded, Is.EqualTo(256 + 128));
        gpu.Driver.ResetCounters();
        Assert.That(gpu.Driver.Counters, Is.Empty);
    }

    [Test]
    public void TwoDriversDoNotKnowEachOther()
    {
        using var other = new SmallGpu();
        using DeviceBuffer<uint> y = gpu.Context.Allocate<uint>(32);
        Assert.That(() => other.Context.DefaultStream.FillWords(y, 1, 32),
            Throws.TypeOf<CudaException>().With.Property(nameof(CudaException.Result)).EqualTo(CudaResult.InvalidValue));
        using CudaStream stream = other.Context.CreateStream();
        Assert.That(() => gpu.Set(stream, y, 1), Throws.TypeOf<CudaException>().With.Property(nameof(CudaException.Result))
            .EqualTo(CudaResult.InvalidHandle));
    }
}
