using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Distributed;
using PerturbedForgetting.Tensors.Distributed.Mpi;

namespace PerturbedForgetting.Tests.Tensors.Distributed.Mpi;

/// <summary>One of the processes that mpirun starts for the tests: the program <c>PerturbedForgetting.Tests mpi</c>.</summary>
static class MpiMember
{
    /// <summary>The first argument of the program.</summary>
    public const string Command = "mpi";

    /// <summary>In the place of the counts: the last process hangs, be it before a step or within it.</summary>
    public const string HangsBefore = "hangs-before", HangsWithin = "hangs-within";

    /// <summary>How a process ends that was told of it.</summary>
    public const int ExitCodeOfTold = 6;

    /// <summary>How long the last process hangs.</summary>
    public static readonly TimeSpan Hang = TimeSpan.FromSeconds(60);

    static readonly TimeSpan tellAfter = TimeSpan.FromSeconds(0.5);

    /// <summary>Runs all checks; the first process writes what the tests look at.</summary>
    /// <param name="arguments">Counts of elements; the last one may be large.</param>
    /// <param name="output">Of the process.</param>
    public static int Run(ReadOnlySpan<string> arguments, TextWriter output)
    {
        if (arguments[0] is HangsBefore or HangsWithin)
            return HangOrWait(arguments[0] == HangsWithin, output);
        int[] counts = [.. arguments.ToArray().Select(int.Parse)];
        try
        {
            using MpiProcess process = MpiProcess.Start(MpiApi.Installed, TimeSpan.FromMinutes(1));
            SignalsStayThoseOfTheRuntime();
            byte[] message = process.Broadcast(process.Rank == 0 ? "address"u8 : [], root: 0);
            Assert.That(message, Is.EqualTo("address"u8.ToArray()));
            using Communicator group = process.CreateCommunicator(Device.Cpu);
            new CommunicatorChecks(group, Device.Cpu).Run(counts[..^1]);
            new CommunicatorChecks(group, Device.Cpu).Many(counts[^1]);
            if (group.Rank == 0)
                output.WriteLine($"{group.Name}: {group.Size} of {process.LocalSize} on {process.Host}, {MpiLauncher.Current?.Name}, good");
            return 0;
        }
        catch (Exception e)
        {
            output.WriteLine(e);
            return 1;
        }
    }

    // The others are told by somebody else, as by a control channel, and end while the thread of MPI waits where it is.
    static int HangOrWait(bool isWithin, TextWriter output)
    {
        MpiProcess process = MpiProcess.Start(MpiApi.Installed);
        Communicator group = process.CreateCommunicator(Device.Cpu);
        Tensor values = Tensor.Ones([1 << 20]);
        if (group.Rank == group.Size - 1)
        {
            if (isWithin)
                group.Barrier();
            Thread.Sleep(Hang);
            return 0;
        }
        try
        {
            group.BeginAllReduce(values, ReduceOperation.Sum);
            _ = Task.Delay(tellAfter).ContinueWith(_ => group.Abort("the last one hangs"));
            group.Complete();
            return 1;
        }
        catch (CommunicationException e)
        {
            group.Dispose();
            process.Dispose();
            output.WriteLine($"told: {e.Message}");
            return ExitCodeOfTold;
        }
    }

    /// <summary>.NET makes exceptions of faults of the processor, which libraries like to take for themselves.</summary>
    static void SignalsStayThoseOfTheRuntime()
    {
        Assert.That(() => Length(null), Throws.TypeOf<NullReferenceException>());
        Assert.That(() => Divide(1, 0), Throws.TypeOf<DivideByZeroException>());

        static int Length(int[]? array) => array!.Length;

        static int Divide(int a, int b) => a / b;
    }
}
