using PerturbedForgetting.Cuda.Cards;
using PerturbedForgetting.Cuda.Driver;
using PerturbedForgetting.Simulator.Execution;

namespace PerturbedForgetting.Simulator.Driver;

/// <summary>Extent of a grid or block as the host gives it.</summary>
readonly record struct LaunchSize(uint X, uint Y, uint Z)
{
    public ulong Count => (ulong)X * Y * Z;

    public Extent ToExtent() => new((int)X, (int)Y, (int)Z);

    public override string ToString() => $"({X}, {Y}, {Z})";
}

/// <summary>A launch that the host asks for: checked like a real driver does, its arguments copied, and put on a stream.</summary>
sealed unsafe class KernelLaunch(SimulatedContext context, SimulatedFunction function, LaunchSize grid, LaunchSize block, uint sharedBytes)
{
    readonly KernelProgram program = function.Program;

    public void Enqueue(SimulatedStream stream, void** parameters, void** extra)
    {
        CheckSizes();
        byte[] arguments = Arguments(parameters, extra);
        stream.Enqueue($"kernel {program.Name}", operation => Run(operation, arguments));
    }

    void Run(Operation operation, byte[] arguments)
    {
        if (!context.Device.Options.Executes)
        {
            context.Device.Driver.CountersOf(program.Name).AddLaunch();
            return;
        }
        Extent blocks = context.Device.Options.ChangeGrid is { } change ? change(program.Name, grid.ToExtent()) : grid.ToExtent();
        fixed (byte* pointer = arguments)
        {
            var launch = new Launch(program, context.Memory, blocks, block.ToExtent(), (int)sharedBytes, pointer, operation.Id)
            {
                InstructionLimit = context.Device.Options.InstructionLimit,
                EdgeBlocks = context.Device.Options.EdgeBlocks,
                AllowsUnorderedSums = context.Device.Options.AllowsUnorderedSums,
                ShuffleSeed = context.Device.Options.ShuffleSeed,
                Output = context.Device.Driver.Output,
            };
            launch.Run(context.Device.Driver.CountersOf(program.Name), context.Device.Options.Workers);
        }
    }

    void CheckSizes()
    {
        if (grid.Count == 0 || grid.X > CapabilityLimits.GridX || grid.Y > CapabilityLimits.GridY
            || grid.Z > CapabilityLimits.GridZ)
            throw Refuse(CudaResult.InvalidValue,
                $"a grid of {grid} blocks; the most is ({CapabilityLimits.GridX}, {CapabilityLimits.GridY}, "
                + $"{CapabilityLimits.GridZ}), the least (1, 1, 1)");
        if (block.Count is 0 or > CapabilityLimits.ThreadsPerBlock
            || block.X > CapabilityLimits.BlockX || block.Y > CapabilityLimits.BlockY || block.Z > CapabilityLimits.BlockZ)
            throw Refuse(CudaResult.InvalidValue,
                $"a block of {block} threads; the most is {CapabilityLimits.ThreadsPerBlock}, at most ({CapabilityLimits.BlockX}, "
                + $"{CapabilityLimits.BlockY}, {CapabilityLimits.BlockZ})");
        if (program.Function.RequiredThreads is { } required && required != ((int)block.X, (int)block.Y, (int)block.Z))
            throw Refuse(CudaResult.InvalidValue, $"a block of {block} threads; the kernel was compiled for {required} (.reqntid)");
        if ((int)block.Count > function.MaxThreads)
            throw Refuse(CudaResult.LaunchOutOfResources,
                $"a block of {block.Count} threads; the kernel was compiled for at most {function.MaxThreads} (.maxntid)");
        if (sharedBytes > function.DynamicSharedLimit)
            throw Refuse(CudaResult.InvalidValue,
                $"{sharedBytes} bytes of dynamic shared memory beside {program.SharedBytes} static ones; the limit is "
                + $"{function.DynamicSharedLimit}"
                + (function.MaxDynamicShared is null
                    ? $" (with function attribute {CudaFunctionAttribute.MaxDynamicSharedSizeBytes} it can be "
                    + $"{function.MostDynamicShared})"
                    : ""));
    }

    byte[] Arguments(void** parameters, void** extra)
    {
        byte[] arguments = new byte[Math.Max(program.ParameterBytes, 1)];
        if (parameters is not null && extra is not null)
            throw Refuse(CudaResult.InvalidValue, "arguments are given both one by one and as a buffer");
        if (extra is not null)
        {
            Buffered(extra).CopyTo(arguments);
            return arguments;
        }
        if (program.Parameters.Length > 0 && parameters is null)
            throw Refuse(CudaResult.InvalidValue, $"no arguments are given; the kernel takes {program.Parameters.Length}");
        for (int i = 0; i < program.Parameters.Length; i++)
        {
            if (parameters[i] is null)
                throw Refuse(CudaResult.InvalidValue, $"argument {i + 1} is null");
            new ReadOnlySpan<byte>(parameters[i], program.Parameters[i].Size).CopyTo(arguments.AsSpan(program.Parameters[i].Offset));
        }
        return arguments;
    }

    // { 1, buffer, 2, &size, 0 }
    ReadOnlySpan<byte> Buffered(void** extra)
    {
        void* buffer = null;
        nuint* size = null;
        for (int i = 0; extra[i] is not null; i += 2)
        {
            switch ((nuint)extra[i])
            {
                case 1: buffer = extra[i + 1]; break;
                case 2: size = (nuint*)extra[i + 1]; break;
                default: throw Refuse(CudaResult.InvalidValue, $"{(nuint)extra[i]} is no key of the argument buffer");
            }
        }
        if (buffer is null || size is null || *size != (nuint)program.ParameterBytes)
            throw Refuse(CudaResult.InvalidValue,
                $"the argument buffer has {(size is null ? 0 : *size)} bytes; the kernel takes {program.ParameterBytes}");
        return new ReadOnlySpan<byte>(buffer, program.ParameterBytes);
    }

    SimulatedError Refuse(CudaResult code, string text) => new(code, $"kernel {program.Name}: {text}");
}
