using System.Net.Sockets;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Nccl;
using PerturbedForgetting.Simulator.Driver;
using PerturbedForgetting.Simulator.Libraries.Nccl;
using PerturbedForgetting.Tests.Cuda.Driver;

namespace PerturbedForgetting.Tests.Cuda.Nccl;

/// <summary>What the software GPU's NCCL refuses, as the real one does or as it would only do wrong: each time all is right but one thing.
/// A group of one is enough for that.</summary>
sealed unsafe class NcclStrictnessTests
{
    const int Count = 32;

    SmallGpu gpu = null!;
    NcclApi api = null!;
    CudaStream stream = null!;
    DeviceBuffer<float> x = null!;
    nint group;

    ref readonly NcclTable Nccl => ref api.Call;

    [SetUp]
    public void Open()
    {
        gpu = new SmallGpu();
        api = gpu.Driver.Nccl;
        stream = gpu.Context.CreateStream();
        x = gpu.Context.Allocate<float>(new float[2 * Count]);
        nint made;
        api.Check(Nccl.CommInitRank(&made, 1, api.CreateUniqueId(), 0));
        group = made;
    }

    [TearDown]
    public void Close() => gpu.Dispose();

    NcclResult Reduce(ulong send, ulong receive, NcclDataType type = NcclDataType.Float32, NcclOperation operation = NcclOperation.Sum,
        nuint count = Count) => Nccl.AllReduce(send, receive, count, type, operation, group, stream.Handle);

    ulong At(int element) => x.Pointer.Address + (ulong)(element * sizeof(float));

    string Said => api.LastError(0);

    [Test]
    public void WhatIsRightIsDone()
    {
        Assert.That(Reduce(At(0), At(0)), Is.EqualTo(NcclResult.Success));
        Assert.That(Reduce(At(0), At(Count)), Is.EqualTo(NcclResult.Success), "not in place");
        Assert.That(Nccl.Broadcast(At(0), At(0), Count, NcclDataType.UInt32, 0, group, stream.Handle), Is.EqualTo(NcclResult.Success));
        Assert.That(Nccl.AllGather(At(0), At(0), Count, NcclDataType.Int8, group, stream.Handle), Is.EqualTo(NcclResult.Success));
        Assert.That(Reduce(0, 0, count: 0), Is.EqualTo(NcclResult.Success), "nothing");
        stream.Synchronize();
        Assert.That(gpu.Driver.Counters[NcclGroup.AllReduceName].Launches, Is.EqualTo(2));
        Assert.That(Nccl.CommDestroy(group), Is.EqualTo(NcclResult.Success));
    }

    [Test]
    public void ArgumentsAreChecked()
    {
        Assert.Multiple(() =>
        {
            Refused(Reduce(0, At(0)), "what is sent is null");
            Refused(Reduce(At(0), 0), "what is received is null");
            Refused(Reduce(At(0) + 2, At(0) + 2), "not a multiple of 4");
            Refused(Reduce(At(1), At(1), NcclDataType.Float64, count: 2), "not a multiple of 8");
            Refused(Reduce(At(Count + 1), At(Count + 1)), "what is sent");
            Refused(Reduce(At(0), At(1)), "overlap");
            Refused(Reduce(At(0), At(0), (NcclDataType)77), "adds no 77");
            Refused(Reduce(At(0), At(0), operation: (NcclOperation)9), "9 is no operation");
            Refused(Reduce(At(0), At(0), count: nuint.MaxValue), "sends at most");
            Refused(Nccl.Broadcast(At(0), At(0), Count, NcclDataType.Float32, 1, group, stream.Handle), "root 1 of 1 ranks");
            Refused(Nccl.Broadcast(At(0), At(0), Count, (NcclDataType)77, 0, group, stream.Handle), "77 is no data type");
            Refused(Nccl.AllGather(At(0), At(1), Count, NcclDataType.Float32, group, stream.Handle), "in place it is sent from");
            Refused(Nccl.AllReduce(At(0), At(0), Count, NcclDataType.Float32, NcclOperation.Sum, 0, stream.Handle), "no communicator");
            Refused(Nccl.CommDestroy(17), "no communicator");
            Refused(Nccl.CommAbort(17), "no communicator");
            Refused(Nccl.CommGetAsyncError(group, null), "place is null");
            Refused(Nccl.GetUniqueId(null), "place is null");
            Refused(Nccl.GetVersion(null), "place is null");
        });

        void Refused(NcclResult result, string words)
        {
            Assert.That(Said, Does.Contain(words));
            Assert.That(result, Is.EqualTo(NcclResult.InvalidArgument), words);
        }
    }

    [Test]
    public void JoiningIsChecked()
    {
        nint made = 1;
        NcclUniqueId id = api.CreateUniqueId();
        Assert.That(Nccl.CommInitRank(&made, 2, id, 2), Is.EqualTo(NcclResult.InvalidArgument));
        Assert.That(Nccl.CommInitRank(&made, 0, id, 0), Is.EqualTo(NcclResult.InvalidArgument));
        Assert.That(Nccl.CommInitRank(null, 1, id, 0), Is.EqualTo(NcclResult.InvalidArgument));
        byte[] changed = id.ToArray();
        changed[0] ^= 1;
        Assert.That(Nccl.CommInitRank(&made, 1, new NcclUniqueId(changed), 0), Is.EqualTo(NcclResult.InvalidArgument));
        Assert.That(Said, Does.Contain("was not made by ncclGetUniqueId"));
        changed[0] ^= 1;
        changed[9] ^= 1;
        Assert.That(Nccl.CommInitRank(&made, 1, new NcclUniqueId(changed), 0), Is.EqualTo(NcclResult.RemoteError), "another secret");
        Assert.That(Nccl.CommInitRank(&made, 1, id, 0), Is.EqualTo(NcclResult.Success), "a stranger does no harm");
        Assert.That(made, Is.Not.EqualTo((nint)0));
        Assert.That(Nccl.CommInitRank(&made, 1, id, 0), Is.EqualTo(NcclResult.SystemError), "the group is complete");
        Assert.That(Said, Does.Contain("where the group's id was made"));
        Assert.That(made, Is.EqualTo((nint)0));
        Task other = Task.Run(() =>
        {
            nint none;
            Assert.That(Nccl.CommInitRank(&none, 1, id, 0), Is.EqualTo(NcclResult.UnhandledCudaError), "no context");
        });
        Assert.That(() => other.Wait(), Throws.Nothing);
    }

    [Test]
    public void WhatIsDestroyedIsGone()
    {
        Assert.That(Nccl.CommDestroy(group), Is.EqualTo(NcclResult.Success));
        NcclResult state;
        Assert.That(Nccl.CommDestroy(group), Is.EqualTo(NcclResult.InvalidArgument));
        Assert.That(Nccl.CommGetAsyncError(group, &state), Is.EqualTo(NcclResult.InvalidArgument));
        Assert.That(Reduce(At(0), At(0)), Is.EqualTo(NcclResult.InvalidArgument));
    }

    /// <summary>The real library would wait for the graph for ever.</summary>
    [Test]
    public void AGraphIsDestroyedBeforeTheGroupWhoseWorkItHolds()
    {
        stream.BeginCapture();
        Assert.That(Reduce(At(0), At(0)), Is.EqualTo(NcclResult.Success));
        CudaGraph graph = stream.EndCapture();
        CudaGraphExecutable executable = graph.Instantiate();
        Assert.That(Nccl.CommDestroy(group), Is.EqualTo(NcclResult.InvalidUsage));
        Assert.That(Said, Does.Contain("destroy the graph first"));
        graph.Dispose();
        executable.Launch(stream);
        executable.Launch(stream);
        stream.Synchronize();
        Assert.That(gpu.Driver.Counters[NcclGroup.AllReduceName].Launches, Is.EqualTo(2));
        Assert.That(Nccl.CommDestroy(group), Is.EqualTo(NcclResult.InvalidUsage));
        executable.Dispose();
        Assert.That(Nccl.CommDestroy(group), Is.EqualTo(NcclResult.Success));
    }

    [Test]
    public void WhatWasNeverWrittenIsNotSent()
    {
        using DeviceBuffer<float> fresh = gpu.Context.Allocate<float>(Count);
        Assert.That(Reduce(fresh.Pointer.Address, At(0)), Is.EqualTo(NcclResult.Success));
        CudaException error = Assert.Throws<CudaException>(stream.Synchronize)!;
        Assert.That(error.Message, Does.Contain("what is sent of nccl all-reduce").And.Contain("was never written"));
    }

    [Test]
    public void ACallMayBeRefused()
    {
        gpu.Driver.Refuse(new("ncclAllReduce", (int)NcclResult.SystemError, First: 1, Count: 1));
        Assert.That(Reduce(At(0), At(0)), Is.EqualTo(NcclResult.SystemError));
        Assert.That(Said, Does.Contain("told to refuse ncclAllReduce"));
        Assert.That(Reduce(At(0), At(0)), Is.EqualTo(NcclResult.Success));
    }

    [Test]
    public void ADeviceThatIsLostLosesItsGroup()
    {
        using var lost = new SmallGpu(new SimulatedDeviceOptions { Workers = 1, LostAfterOperations = 1 });
        NcclGroup joined = new(lost.Context, lost.Driver.Nccl, lost.Driver.Nccl.CreateUniqueId(), 0, 1);
        DeviceBuffer<float> y = lost.Context.Allocate<float>(new float[8]);
        Assert.That(() =>
        {
            for (int i = 0; i < 4; i++)
                joined.AllReduce(y.Pointer, 8, NcclDataType.Float32, NcclOperation.Sum, lost.Context.DefaultStream);
            lost.Context.Synchronize();
        }, Throws.Exception.With.Message.Contains("The GPU was lost"));
    }

    /// <summary>Whoever does not know the secret is cut off, whatever it sends; the members find each other all the same.</summary>
    [Test]
    public void StrangersAreCutOff()
    {
        NcclUniqueId id = api.CreateUniqueId();
        NcclAddress address = NcclAddress.Of(in id)!;
        foreach (int length in new[] { 0, 5, NcclHello.Bytes, 4096 })
        {
            using Socket stranger = new(address.Place.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 10_000 };
            stranger.Connect(address.Place);
            stranger.Send(Enumerable.Repeat((byte)0xFF, length).ToArray());
            stranger.Shutdown(SocketShutdown.Send);
            byte[] answer = new byte[64];
            int received = -1;
            try
            {
                received = stranger.Receive(answer);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
            {
                received = 0;
            }
            Assert.That(received, Is.Zero, $"{length} bytes");
        }
        using NcclGroup one = new(gpu.Context, api, id, 0, 1);
        Assert.That(one.AsyncError, Is.EqualTo(NcclResult.Success));
    }

    [TestCase("eth0", "eth", true), TestCase("eth0", "ib,eth", true), TestCase("eth0", "ib", false), TestCase("eth0", "=eth0", true)]
    [TestCase("eth01", "=eth0", false), TestCase("eth0", "^docker,lo", true), TestCase("docker0", "^docker,lo", false)]
    [TestCase("eth0", "^=eth0", false)]
    public void InterfacesAreNamedAsTheRealLibraryTakesThem(string name, string list, bool isAllowed) =>
        Assert.That(NcclAddress.IsAllowed(name, list), Is.EqualTo(isAllowed));

    [Test]
    public void AnAddressSurvivesItsId()
    {
        foreach (string place in new[] { "127.0.0.1:1", "10.1.2.3:65535", "[2001:db8::7]:4711" })
        {
            NcclAddress address = new(System.Net.IPEndPoint.Parse(place), NcclAddress.NewToken());
            NcclUniqueId id = address.ToId();
            NcclAddress read = NcclAddress.Of(in id)!;
            Assert.That((read.Place, Convert.ToHexString(read.Token)), Is.EqualTo((address.Place, Convert.ToHexString(address.Token))));
        }
        NcclUniqueId none = default;
        Assert.That(NcclAddress.Of(in none), Is.Null);
        Assert.That(NcclAddress.OfThisMachine("=no-such-interface"), Is.EqualTo(System.Net.IPAddress.Loopback));
    }
}
