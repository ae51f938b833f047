using System.Runtime.InteropServices;
using PerturbedForgetting.Simulator.Ptx;

namespace PerturbedForgetting.Simulator.Execution;

/// <summary>The walk over a function's statements: labels, branches, and device functions, which are inlined where they are
/// called.</summary>
sealed unsafe partial class Lowering
{
    const int DeepestCall = 32;
    const int LongestProgram = 1 << 20;
    const int MostCalls = 4096;

    /// <summary>A function while its body is lowered; the kernel is the outermost.</summary>
    sealed record Frame(PtxFunction Function, string Prefix, Dictionary<string, Symbol> Variables, Frame? Caller)
    {
        public Dictionary<string, int> Labels { get; } = [];
        public Dictionary<string, PtxBranchTargets> Tables { get; } = [];
        public int Depth { get; } = Caller is null ? 0 : Caller.Depth + 1;
    }

    readonly record struct Jump(int Instruction, int Operand, Frame Frame, string Label, PtxInstruction Source);

    const string End = "";

    readonly List<Jump> jumps = [];
    readonly List<nint> operandBlocks = [];
    int inlined, newLabels;

    Lowering(PtxModule module, PtxFunction kernel, IReadOnlyDictionary<string, ulong> globals, RegisterPlan? plan)
    {
        this.plan = plan;
        registerBytes = plan?.Bytes ?? 0;
        this.module = module;
        this.kernel = kernel;
        symbols = new Symbols(module, kernel, globals);
        Dictionary<string, Symbol> variables = new(symbols.Kernel);
        (int Offset, int Size)[] places = Symbols.Parameters(kernel, out _);
        for (int i = 0; i < places.Length; i++)
            variables[kernel.Parameters[i].Name] = new Symbol(StateSpace.Param, (ulong)places[i].Offset, places[i].Size);
        frame = new Frame(kernel, "", variables, null);
    }

    /// <summary>Compiles a kernel.</summary>
    /// <param name="module">The module.</param>
    /// <param name="kernel">A kernel of it.</param>
    /// <param name="globals">Device addresses of the module's global and const variables.</param>
    /// <exception cref="PtxException">An instruction is not known or not well formed.</exception>
    public static KernelProgram Compile(PtxModule module, PtxFunction kernel, IReadOnlyDictionary<string, ulong> globals)
    {
        // The first pass finds which registers are in use when; the second one knows their places.
        var first = new Lowering(module, kernel, globals, null);
        RegisterPlan plan;
        try
        {
            first.Lower();
            plan = new RegisterPlan([.. first.registerSizes], first.accesses, new FlowGraph(CollectionsMarshal.AsSpan(first.code)));
        }
        finally
        {
            first.FreeOperands();
        }
        var second = new Lowering(module, kernel, globals, plan);
        try
        {
            second.Lower();
            return second.Finish(plan, new(() => new RegisterUses(first.accesses, plan, first.texts)));
        }
        catch
        {
            second.FreeOperands();
            throw;
        }
    }

    void FreeOperands()
    {
        foreach (nint block in operandBlocks)
            NativeMemory.Free((void*)block);
    }

    void Lower()
    {
        Body();
        // A body may end without ret; the last instruction's guard does not hold for the end.
        Current = Current with { Guard = null, Opcode = "ret" };
        ReturnOrExit();
        Resolve();
    }

    void Body()
    {
        foreach (PtxBranchTargets table in frame.Function.Statements.OfType<PtxBranchTargets>())
            frame.Tables[table.Name] = table;
        foreach (PtxStatement statement in frame.Function.Statements)
        {
            if (statement is PtxLabel label)
            {
                if (!frame.Labels.TryAdd(label.Name, code.Count))
                    throw new PtxException(module.Name, label.Location.Line, $"{frame.Function.Name}: label {label.Name} stands twice");
            }
            else if (statement is PtxInstruction instruction)
            {
                Current = instruction;
                start = code.Count;
                texts.Add((start, instruction));
                if (!InstructionSet.TryFind(instruction.Opcode, out InstructionFamily family))
                    throw Unknown();
                family.Lower(this, instruction);
                if (code.Count > LongestProgram)
                    throw Error($"the kernel has more than {LongestProgram} instructions");
            }
        }
        frame.Labels[End] = code.Count;
    }

    /// <summary>Adds a jump of the current instruction to a label of the current function.</summary>
    public void JumpTo(string label, int operand = -1)
    {
        if (jumps.Count >= LongestProgram)
            throw Error($"the kernel has more than {LongestProgram} branches");
        jumps.Add(new Jump(code.Count - 1, operand, frame, label, Current));
    }

    /// <summary>A label that does not stand in the text; <see cref="Mark"/> places it.</summary>
    public string NewLabel() => $"/{++newLabels}";

    /// <summary>Places a label before the next instruction.</summary>
    public void Mark(string label) => frame.Labels[label] = code.Count;

    /// <summary>Leaves the function: the kernel's threads exit, an inlined function goes on behind its body.</summary>
    public void ReturnOrExit()
    {
        if (frame.Caller is null)
            Emit(&ControlInstructions.Exit, InstructionClass.Branch).Flow = Flow.Exit;
        else
        {
            Emit(&ControlInstructions.Branch, InstructionClass.Branch).Flow = Flow.Branch;
            JumpTo(End);
        }
    }

    /// <summary>Labels of a <c>.branchtargets</c> table.</summary>
    public IReadOnlyList<string> Table(string name) => frame.Tables.TryGetValue(name, out PtxBranchTargets? table)
        ? table.Labels
        : throw Error($"{name} is no .branchtargets table of the function");

    /// <summary>Inlines a device function: its parameters and results are the caller's param variables.</summary>
    public void Inline(string name, IReadOnlyList<PtxOperand> results, IReadOnlyList<PtxOperand> arguments)
    {
        PtxFunction callee = module.Functions.FirstOrDefault(f => f.Name == name && !f.IsEntry && !f.IsExternal)
            ?? throw Error($"function {name} has no body in the module; library functions do not exist on the device");
        for (Frame? f = frame; f is not null; f = f.Caller)
        {
            if (f.Function == callee)
                throw Error($"{name} calls itself; recursion is not supported");
        }
        if (frame.Depth >= DeepestCall)
            throw Error($"calls are nested deeper than {DeepestCall}");
        if (++inlined > MostCalls)
            throw Error($"the kernel has more than {MostCalls} calls");
        if (results.Count != callee.Results.Count || arguments.Count != callee.Parameters.Count)
            throw Error($"{name} has {callee.Parameters.Count} parameters and {callee.Results.Count} results, not {arguments.Count} and "
                + $"{results.Count}");
        Dictionary<string, Symbol> variables = new(symbols.Functions[callee.Name]);
        Bind(callee.Parameters, arguments, variables);
        Bind(callee.Results, results, variables);
        PtxInstruction call = Current;
        frame = new Frame(callee, $"{name}/{inlined}/", variables, frame);
        Body();
        frame = frame.Caller!;
        Current = call;
    }

    void Bind(IReadOnlyList<PtxVariable> formal, IReadOnlyList<PtxOperand> actual, Dictionary<string, Symbol> variables)
    {
        for (int i = 0; i < formal.Count; i++)
        {
            Symbol symbol = Argument(actual[i]);
            if (symbol.Size < formal[i].Size)
                throw Error($"argument {i + 1} has {symbol.Size} bytes, the parameter {formal[i].Size}");
            variables[formal[i].Name] = symbol;
        }
    }

    /// <summary>Where an argument or result of a call is.</summary>
    public Symbol Argument(PtxOperand operand) => operand is PtxName name
        ? FindSymbol(name.Name)
        : throw Error("an argument of a call must be a .param variable");

    void Resolve()
    {
        Span<Instruction> instructions = CollectionsMarshal.AsSpan(code);
        foreach (Jump jump in jumps)
        {
            if (!jump.Frame.Labels.TryGetValue(jump.Label, out int target))
                throw new PtxException(module.Name, jump.Source.Location.Line,
                    $"{jump.Frame.Function.Name}: label {jump.Label} does not exist");
            if (jump.Operand < 0)
                instructions[jump.Instruction].Target = target;
            else
                instructions[jump.Instruction].Operands[jump.Operand] = target;
        }
    }

    KernelProgram Finish(RegisterPlan plan, Lazy<RegisterUses> uses)
    {
        if (registerBytes > MaximumRegisterBytes)
            throw Error("the kernel has too many registers");
        PostDominators.Mark(CollectionsMarshal.AsSpan(code));
        var native = (Instruction*)NativeMemory.Alloc((nuint)code.Count, (nuint)sizeof(Instruction));
        CollectionsMarshal.AsSpan(code).CopyTo(new Span<Instruction>(native, code.Count));
        (int Offset, int Size)[] parameters = Symbols.Parameters(kernel, out int parameterBytes);
        return new KernelProgram(native, operandBlocks, uses)
        {
            Name = kernel.Name,
            Module = module.Name,
            Function = kernel,
            Length = code.Count,
            Locations = [.. locations],
            RegisterBytes = registerBytes,
            RegisterCount = plan.Pressure,
            Constants = [.. constantImages],
            SpecialRegisters = [.. specials.Select(s => (s.Key, s.Value))],
            SharedBytes = symbols.SharedBytes,
            LocalBytes = symbols.LocalBytes,
            HasAtomics = code.Exists(i => i.Class == InstructionClass.Atomic || (i.Class is InstructionClass.Load or InstructionClass.Store
                && (i.Flags & (int)AccessFlags.Strong) != 0)),
            GranuleShift = granuleShift,
            ParameterBytes = parameterBytes,
            Parameters = parameters,
        };
    }
}
