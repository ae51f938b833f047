using PerturbedForgetting.Tests.Tensors.Distributed;
using PerturbedForgetting.Tests.Tensors.Distributed.Mpi;

namespace PerturbedForgetting.Tests;

/// <summary>What the assembly does when run as a program: it runs tests, or is one of several processes of one.</summary>
static class TestProgram
{
    static int Main(string[] arguments) => arguments switch
    {
        [MpiMember.Command, ..] => MpiMember.Run(arguments.AsSpan(1), Console.Out),
        [NcclMember.Command, _, _, _] => NcclMember.Run(arguments.AsSpan(1), Console.Out),
        _ => TestRun.Execute(arguments, Console.Out),
    };
}
