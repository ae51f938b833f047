using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Nn;
using PerturbedForgetting.Tests.Cuda;

namespace PerturbedForgetting.Tests;

/// <summary>
/// The devices on which operations, models and training are tested: <c>cpu</c>, <c>sim</c>, and <c>cuda</c> where a driver and a GPU are
/// found. Each is opened once for all fixtures, and anew after a fault.
/// </summary>
static class TestDevices
{
    // Products and convolutions in float32, as on the CPU.
    static readonly DeviceOptions exact = new() { AllowTf32 = false };

    static SimulatedDriver? driver;
    static Device? sim, gpu;

    /// <summary>One fixture a device.</summary>
    public static IEnumerable<string> Names() => ["cpu", .. Others()];

    /// <summary>The devices that are compared with the CPU.</summary>
    public static IEnumerable<string> Others() => CudaDevice.All(CudaDriverApi.Installed).Count > 0 ? ["sim", "cuda"] : ["sim"];

    /// <summary>Types of floating-point tensors that all operations take: float64 is for the checks of the CPU.</summary>
    public static IReadOnlyList<DType> FloatTypes =>
        Initialization.Current.Device == Device.Cpu ? [DType.Float32, DType.Float64] : [DType.Float32];

    /// <summary>What the software GPU found wrong, in words.</summary>
    public static string? Fault => driver?.Fault;

    /// <summary>The device of a name.</summary>
    public static Device Open(string name) => name switch
    {
        "cpu" => Device.Cpu,
        "cuda" => gpu ??= Device.Open("cuda", exact),
        _ => Fault is null && sim is not null ? sim : sim = OpenSoftwareGpu(),
    };

    /// <summary>A software GPU of its own, which the caller disposes.</summary>
    public static Device OpenSoftwareGpu(SimulatedDeviceOptions hardware, DeviceOptions? options = null) =>
        Open(new SimulatedDriver(hardware), options ?? exact);

    static Device OpenSoftwareGpu() => Open(driver = new SimulatedDriver(KernelDevices.Software), exact);

    static Device Open(SimulatedDriver driver, DeviceOptions options) =>
        Device.OpenCuda(CudaDevice.All(driver.Api)[0], driver.Libraries, "sim", options, driver);
}

/// <summary>
/// Base of the tests that run on every device:
/// <code>
/// [TestFixtureSource(typeof(TestDevices), nameof(TestDevices.Names))]
/// sealed class ReluTests(string device) : DeviceFixture(device)
/// {
///     [Test]
/// public void NegativeNumbersBecomeZero() => Assert.That(Ops.Relu(From([-1f, 2f], [2])).ToArray&lt;float&gt;(), Is.EqualTo(new[] { 0f, 2f
/// })); }
/// </code>
/// The device is that of <see cref="Initialization.Current"/> during a test, so modules and the helpers of the tests make their tensors on
/// it.
/// </summary>
abstract class DeviceFixture(string deviceName)
{
    Initialization onDevice = null!;

    /// <summary>Where the test runs.</summary>
    protected Device Device { get; private set; } = null!;

    /// <summary>Its name on the command line.</summary>
    protected string DeviceName => deviceName;

    [SetUp]
    public void EnterDevice()
    {
        Device = TestDevices.Open(deviceName);
        onDevice = Initialization.Begin(0, Device);
    }

    [TearDown]
    public void LeaveDevice()
    {
        onDevice.Dispose();
        Device.Synchronize();
        Assert.That(TestDevices.Fault, Is.Null, "the checks of the software GPU found something");
    }

    /// <summary>What one fixture kept for reuse seldom fits the next.</summary>
    [OneTimeTearDown]
    public void GiveMemoryBack() => TestDevices.Open(deviceName).Trim();

    /// <summary>The values on the device.</summary>
    protected Tensor From<T>(ReadOnlySpan<T> values, Shape shape) where T : unmanaged => Tensor.From(values, shape, Device);

    /// <summary>Zeros on the device.</summary>
    protected Tensor Zeros(Shape shape, DType type = DType.Float32) => Tensor.Zeros(shape, type, Device);

    /// <summary>Ones on the device.</summary>
    protected Tensor Ones(Shape shape, DType type = DType.Float32) => Tensor.Ones(shape, type, Device);

    /// <summary>Undefined content on the device, in the open scope or else the caller's.</summary>
    protected Tensor Empty(Shape shape, DType type = DType.Float32) => Tensor.Empty(shape, type, Device);

    /// <summary>Undefined content on the device, the caller's.</summary>
    protected Tensor Persistent(Shape shape, DType type = DType.Float32) => Tensor.Persistent(shape, type, Device);
}
