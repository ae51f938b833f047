using System.Runtime.InteropServices;
using PerturbedForgetting.Simulator.Memory;
using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>A module on the device: its kernels, compiled, and its variables in device memory.</summary>
sealed unsafe class DeviceModule : IDisposable
{
    readonly DeviceMemory memory;
    readonly Dictionary<string, KernelProgram> kernels = [];
    readonly Dictionary<string, Allocation> variables = [];

    DeviceModule(string name, DeviceMemory memory) => (Name, this.memory) = (name, memory);

    /// <summary>Reads and compiles PTX.</summary>
    /// <param name="name">What to call it in messages.</param>
    /// <param name="ptx">The text.</param>
    /// <param name="memory">The device's memory, which receives the module's variables.</param>
    /// <exception cref="PtxException">The text is not well formed, or an instruction is not known.</exception>
    public static DeviceModule Load(string name, string ptx, DeviceMemory memory)
    {
        PtxModule source = PtxParser.Parse(name, ptx);
        var module = new DeviceModule(name, memory);
        try
        {
            foreach (PtxVariable v in source.Variables.Where(v => v.Space is StateSpace.Global or StateSpace.Const))
                module.Place(source, v);
            Dictionary<string, ulong> addresses = module.variables.ToDictionary(v => v.Key, v => v.Value.Start);
            foreach (PtxFunction kernel in source.Functions.Where(f => f.IsEntry && !f.IsExternal))
                module.kernels.Add(kernel.Name, Lowering.Compile(source, kernel, addresses));
            return module;
        }
        catch
        {
            module.Dispose();
            throw;
        }
    }

    /// <summary>What messages call it.</summary>
    public string Name { get; }

    /// <summary>Names of the kernels.</summary>
    public IReadOnlyCollection<string> Kernels => kernels.Keys;

    public bool TryFindKernel(string name, out KernelProgram kernel) => kernels.TryGetValue(name, out kernel!);

    void Place(PtxModule source, PtxVariable v)
    {
        if (v.IsExternal)
            throw new PtxException(source.Name, v.Location.Line, $"{v.Name} is external; variables of other modules are not linked");
        Allocation place = memory.Allocate(v.Size, v.Name)
            ?? throw new PtxException(source.Name, v.Location.Line, $"no device memory is left for {v.Name} ({v.Size} bytes)");
        NativeMemory.Clear((void*)place.Start, (nuint)v.Size);
        v.Initial.CopyTo(new Span<byte>((void*)place.Start, v.Initial.Length));
        place.MarkWritten(place.Start, v.Size);
        variables[v.Name] = place;
    }

    public void Dispose()
    {
        foreach (KernelProgram kernel in kernels.Values)
            kernel.Dispose();
        foreach (Allocation variable in variables.Values)
            memory.Free(variable.Start);
        kernels.Clear();
        variables.Clear();
    }
}
