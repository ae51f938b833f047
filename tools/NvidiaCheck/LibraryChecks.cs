using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Blas;
using PerturbedForgetting.Cuda.Driver;

namespace PerturbedForgetting.NvidiaCheck;

/// <summary>Calls NVIDIA's driver and cuBLAS through the project's own tables as far as that goes without a GPU: entry points, versions,
/// what they answer. The environment variables say where the libraries are (<see cref="EnvironmentVariables"/>).</summary>
/// <param name="driver">The driver.</param>
/// <param name="cublas">cuBLAS.</param>
/// <param name="cublasLt">cuBLASLt.</param>
sealed unsafe class LibraryChecks(CudaDriverApi driver, CublasApi cublas, CublasLtApi cublasLt)
{
    // Codes that came after CUDA 12.4.
    static readonly CudaResult[] later = [CudaResult.CallRequiresNewerDriver, CudaResult.Contained, CudaResult.TensorMemoryLeak];

    readonly List<string> findings = [];

    /// <summary>How many answers were looked at.</summary>
    public int Count { get; private set; }

    /// <summary>Looks at all.</summary>
    /// <returns>What is not as it should be.</returns>
    public IReadOnlyList<string> Run()
    {
        Expect(driver.IsSupported, $"the driver is not there: {driver.Origin}");
        Expect(cublas.WhyUnusable is null, $"cuBLAS is not used: {cublas.WhyUnusable}");
        Expect(cublasLt.WhyUnusable is null, $"cuBLASLt is not used: {cublasLt.WhyUnusable}");
        if (findings.Count > 0)
            return findings;
        Driver();
        Cublas();
        CublasLt();
        return findings;
    }

    void Driver()
    {
        Expect(driver.MissingExports.Count == 0, $"the driver lacks {string.Join(", ", driver.MissingExports)}");
        int version = CudaDriverApi.InstalledVersion();
        Expect(PtxCompatibility.NewestPtx(version) >= CudaRequirements.PtxVersion, $"the driver's version is {version}");

        // Before the start, then the start itself, which fails where there is no GPU; nothing may be handed out.
        int count = -1;
        Expect(driver.Call.DeviceGetCount(&count), CudaResult.NotInitialized, "cuDeviceGetCount before cuInit");
        CudaResult started = driver.Call.Init(0);
        bool hasGpu = started == CudaResult.Success;
        Expect(hasGpu || started is CudaResult.NoDevice or CudaResult.SystemDriverMismatch or CudaResult.Unknown,
            $"cuInit returned {started}");
        if (!hasGpu)
        {
            nint stream, context;
            ulong address;
            Expect(driver.Call.DevicePrimaryCtxRetain(&context, 0) != CudaResult.Success, "a context where there is no GPU");
            Expect(driver.Call.StreamCreateWithPriority(&stream, 0, 0) != CudaResult.Success, "a stream where there is no GPU");
            Expect(driver.Call.MemAlloc(&address, 256) != CudaResult.Success, "memory where there is no GPU");
            Expect(CudaDevice.All(driver).Count == 0, "a device where there is no GPU");
        }

        // The driver knows every code that the project has a name for, but those of later versions than its own.
        foreach (CudaResult code in Enum.GetValues<CudaResult>())
        {
            Expect(driver.DescribeCode(code).Length > 0 || later.Contains(code),
                $"the driver does not know code {(int)code}, {code}");
        }
        Expect(driver.DescribeCode((CudaResult)12345) == "", "the driver knows code 12345");
        Expect(driver.DescribeCode(CudaResult.OutOfMemory) == "out of memory", "code 2 is another one");
        Expect(driver.DescribeCode(CudaResult.UnsupportedPtxVersion).Contains("PTX", StringComparison.Ordinal), "code 222 is another one");
    }

    void Cublas()
    {
        Expect(cublas.Version is { Major: 12 or 13 }, $"the version of cuBLAS is {cublas.Version}");
        nint handle = 0;
        CublasStatus status = cublas.Call.Create(&handle);
        Expect(status == CublasStatus.Success == (handle != 0), $"cublasCreate returned {status} and the handle {handle}");
        if (status == CublasStatus.Success)
            Expect(cublas.Call.Destroy(handle), CublasStatus.Success, "cublasDestroy");
        else
        {
            Expect(status == CublasStatus.NotInitialized, $"cublasCreate returned {status}");
            Expect(cublas.Call.SetStream(0, 0), CublasStatus.NotInitialized, "cublasSetStream without a handle");
            Expect(cublas.Call.SetAtomicsMode(0, CublasAtomicsMode.NotAllowed), CublasStatus.NotInitialized,
                "cublasSetAtomicsMode without a handle");
        }
    }

    /// <summary>Descriptions of products need no GPU: the library takes every attribute that the project sets, in its size.</summary>
    void CublasLt()
    {
        Expect(cublasLt.Version == cublas.Version, $"cuBLASLt is of version {cublasLt.Version}, cuBLAS of {cublas.Version}");
        foreach (CublasComputeType compute in Enum.GetValues<CublasComputeType>())
        {
            nint description;
            Expect(cublasLt.Call.MatmulDescCreate(&description, compute, CudaDataType.Float32), CublasStatus.Success,
                $"cublasLtMatmulDescCreate of {compute}");
            Attribute(description, CublasLtMatmulAttribute.TransposeA, CublasOperation.Transpose);
            Attribute(description, CublasLtMatmulAttribute.TransposeB, CublasOperation.None);
            foreach (CublasLtEpilogue epilogue in Enum.GetValues<CublasLtEpilogue>())
                Attribute(description, CublasLtMatmulAttribute.Epilogue, epilogue);
            Attribute(description, CublasLtMatmulAttribute.BiasPointer, 256UL);
            byte small = 0;
            Expect(cublasLt.Call.MatmulDescSetAttribute(description, CublasLtMatmulAttribute.BiasPointer, &small, 1),
                CublasStatus.InvalidValue, "an address of one byte");
            Expect(cublasLt.Call.MatmulDescDestroy(description), CublasStatus.Success, "cublasLtMatmulDescDestroy");
        }
        nint layout, preference;
        foreach (CudaDataType type in Enum.GetValues<CudaDataType>())
        {
            Expect(cublasLt.Call.MatrixLayoutCreate(&layout, type, 3, 5, 4), CublasStatus.Success, $"cublasLtMatrixLayoutCreate of {type}");
            Expect(cublasLt.Call.MatrixLayoutDestroy(layout), CublasStatus.Success, "cublasLtMatrixLayoutDestroy");
        }
        Expect(cublasLt.Call.MatmulPreferenceCreate(&preference), CublasStatus.Success, "cublasLtMatmulPreferenceCreate");
        foreach (CublasLtPreferenceAttribute attribute in Enum.GetValues<CublasLtPreferenceAttribute>())
        {
            ulong value = attribute == CublasLtPreferenceAttribute.ReductionSchemeMask ? (ulong)CublasLtReduction.ComputeType : 16;
            nuint bytes = attribute == CublasLtPreferenceAttribute.MaxWorkspaceBytes ? 8u : 4u;
            Expect(cublasLt.Call.MatmulPreferenceSetAttribute(preference, attribute, &value, bytes), CublasStatus.Success,
                $"{attribute} in {bytes} bytes");
        }
        Expect(cublasLt.Call.MatmulPreferenceDestroy(preference), CublasStatus.Success, "cublasLtMatmulPreferenceDestroy");
    }

    void Attribute<T>(nint description, CublasLtMatmulAttribute attribute, T value) where T : unmanaged =>
        Expect(cublasLt.Call.MatmulDescSetAttribute(description, attribute, &value, (nuint)sizeof(T)), CublasStatus.Success,
            $"{attribute} {value} in {sizeof(T)} bytes");

    void Expect<T>(T actual, T expected, string what) where T : struct, Enum =>
        Expect(EqualityComparer<T>.Default.Equals(actual, expected), $"{what}: {actual}, not {expected}");

    void Expect(bool isRight, string finding)
    {
        Count++;
        if (!isRight)
            findings.Add(finding);
    }
}
