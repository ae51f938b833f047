using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using PerturbedForgetting.Tensors;
using PerturbedForgetting.Tensors.Distributed;
using PerturbedForgetting.Tensors.Distributed.Mpi;

namespace Benchmarks;

/// <summary>The hidden command <c>comm-member</c>: one of the processes whose all-reduce is measured. The first prints a line
/// <c>NAME BYTES SECONDS…</c> for each size and kind.</summary>
static class CommMember
{
    public const string Name = "comm-member", Exact = "float32", Rounded = "bf16", Library = "library";

    const int WarmUp = 3;

    public static Command Command(TextWriter output)
    {
        Argument<int> rounds = new("ROUNDS");
        Argument<long[]> sizes = new("BYTES") { Arity = ArgumentArity.OneOrMore };
        Command command = new(Name) { rounds, sizes };
        command.Hidden = true;
        command.SetAction(parsed =>
        {
            using MpiProcess process = MpiProcess.Start(MpiApi.Installed, TimeSpan.FromMinutes(2));
            using Communicator group = process.CreateCommunicator(Device.Cpu);
            if (group.Rank == 0)
                output.WriteLine($"{Library} {group.Name}");
            foreach (long bytes in parsed.GetValue(sizes)!)
            {
                using Tensor values = Tensor.Ones([(int)(bytes / sizeof(float))]);
                foreach (string kind in new[] { Exact, Rounded })
                {
                    double[] seconds = Measure(group, values, kind == Rounded, parsed.GetValue(rounds));
                    if (group.Rank == 0)
                        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{kind} {bytes} {string.Join(' ', seconds)}"));
                }
            }
        });
        return command;
    }

    static double[] Measure(Communicator group, Tensor values, bool isRounded, int rounds)
    {
        List<double> seconds = [];
        for (int round = -WarmUp; round < rounds; round++)
        {
            group.Barrier();
            long start = Stopwatch.GetTimestamp();
            if (isRounded)
                group.BeginAllReduceRounded(values, ReduceOperation.Mean);
            else
                group.BeginAllReduce(values, ReduceOperation.Mean);
            group.Complete();
            if (round >= 0)
                seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }
        return [.. seconds];
    }
}
