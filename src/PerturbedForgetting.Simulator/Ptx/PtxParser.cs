using System.Globalization;

namespace PerturbedForgetting.Simulator.Ptx;

/// <summary>Reads PTX text: module directives, variables and function heads. Bodies are read by <see cref="PtxBodyParser"/>.</summary>
public sealed partial class PtxParser
{
    /// <summary>The newest PTX ISA whose syntax is known.</summary>
    public static readonly Version NewestVersion = new(8, 7);

    /// <summary>Registers a function may declare; far beyond what a compiler emits, and little memory.</summary>
    internal const int MaximumRegisters = 1 << 18;

    /// <summary>Registers of all functions of a module.</summary>
    const int MaximumModuleRegisters = 1 << 20;

    readonly PtxLexer lexer;
    readonly Dictionary<string, string> files = [];
    readonly List<PtxVariable> variables = [];
    readonly List<PtxFunction> functions = [];
    readonly HashSet<string> defined = [];
    PtxToken token;
    string? source;
    string reading = "";
    int moduleRegisters, line = 1;

    PtxParser(string module, string text)
    {
        Module = module;
        ReadFiles(text);
        lexer = new PtxLexer(module, text);
        token = lexer.Read();
    }

    /// <summary>Reads a module.</summary>
    /// <param name="name">What to call it in messages: a file name.</param>
    /// <param name="text">The PTX text; it may end at a NUL character.</param>
    /// <exception cref="PtxException">The text is not PTX, or newer than <see cref="NewestVersion"/>.</exception>
    public static PtxModule Parse(string name, string text) => new PtxParser(name, text).Read();

    internal string Module { get; }

    /// <summary>Names of the source files, which compilers list behind the functions that refer to them.</summary>
    void ReadFiles(string text)
    {
        foreach (ReadOnlySpan<char> line in text.AsSpan().EnumerateLines())
        {
            ReadOnlySpan<char> rest = line.TrimStart();
            if (!rest.StartsWith(".file", StringComparison.Ordinal))
                continue;
            rest = rest[5..].TrimStart();
            int first = rest.IndexOf('"'), last = rest.LastIndexOf('"');
            if (first > 0 && last > first)
                files.TryAdd(rest[..first].Trim().ToString(), rest[(first + 1)..last].ToString());
        }
    }

    /// <summary>The token that comes next.</summary>
    internal PtxToken Token => token;

    /// <summary>Where that token is.</summary>
    internal PtxLocation Location => new(token.Line, source);

    PtxModule Read()
    {
        Expect("version");
        string version = Take(PtxTokenKind.Number, "the version's number").Text;
        if (!Version.TryParse(version, out Version? parsed))
            throw Error($"'{version}' is no version");
        if (parsed > NewestVersion)
            throw Error($"PTX ISA {version} is newer than {NewestVersion}, the newest that is known; compile for an older one (clang "
                + "--cuda-feature=+ptx78)");
        Expect("target");
        string target = Take(PtxTokenKind.Name, "the target").Text;
        if (!target.StartsWith("sm_", StringComparison.Ordinal)
            || !int.TryParse(target.AsSpan(3).TrimEnd("af"), NumberStyles.None, CultureInfo.InvariantCulture, out _))
            throw Error($"'{target}' is no target such as sm_80");
        while (Accept(','))
            Take(PtxTokenKind.Name, "a target option");
        Expect("address_size");
        string size = Take(PtxTokenKind.Number, "32 or 64").Text;
        if (size != "64")
            throw Error($"addresses of {size} bits are not supported, only 64");
        while (token.Kind != PtxTokenKind.End)
            ReadItem();
        return new PtxModule(Module, version, target, 64, variables, functions);
    }

    void ReadItem()
    {
        if (LineDirective())
            return;
        bool isExternal = false;
        while (token.Kind == PtxTokenKind.Dot && token.Text is "visible" or "extern" or "weak" or "common")
            isExternal |= Next().Text == "extern";
        if (token.Kind != PtxTokenKind.Dot)
            throw Unexpected("a directive");
        switch (token.Text)
        {
            case "entry" or "func":
                functions.Add(ReadFunction(isExternal));
                break;
            case "global" or "const" or "shared":
                foreach (PtxVariable variable in ReadVariables(isExternal))
                    variables.Add(isExternal || defined.Add(variable.Name) ? variable : throw Error($"{variable.Name} is defined twice"));
                break;
            default:
                throw UnknownDirective(Next());
        }
    }

    /// <summary>Reads a directive that may stand anywhere: file, location, section, pragma.</summary>
    internal bool LineDirective()
    {
        if (token.Kind != PtxTokenKind.Dot)
            return false;
        switch (token.Text)
        {
            case "file":
                Next();
                Take(PtxTokenKind.Number, "the file's number");
                Take(PtxTokenKind.String, "the file's name");
                while (Accept(','))
                    Take(PtxTokenKind.Number, "time or size");
                return true;
            case "loc":
                ReadPlace();
                return true;
            case "section":
                Next();
                Take(PtxTokenKind.Dot, "the section's name");
                SkipBraces();
                return true;
            case "pragma":
                Next();
                do
                    Take(PtxTokenKind.String, "the pragma");
                while (Accept(','));
                Expect(';');
                return true;
            default:
                return false;
        }
    }

    void ReadPlace()
    {
        Next();
        string file = Take(PtxTokenKind.Number, "the file's number").Text, line = Take(PtxTokenKind.Number, "the line").Text;
        Take(PtxTokenKind.Number, "the column");
        source = line == "0" || !files.TryGetValue(file, out string? name) ? null : $"{name}:{line}";
        while (Accept(','))
        {
            string word = Take(PtxTokenKind.Name, "function_name or inlined_at").Text;
            if (word == "inlined_at")
            {
                for (int i = 0; i < 3; i++)
                    Take(PtxTokenKind.Number, "a place");
                continue;
            }
            if (token.Kind == PtxTokenKind.Dot)
                Next();
            else
                Take(PtxTokenKind.Name, "the function's name");
            if (Accept('+'))
                Take(PtxTokenKind.Number, "an offset");
        }
    }

    void SkipBraces()
    {
        Expect('{');
        for (int depth = 1; depth > 0;)
        {
            PtxToken next = Next();
            if (next.Kind == PtxTokenKind.End)
                throw Error("a brace is not closed");
            depth += next.Is('{') ? 1 : next.Is('}') ? -1 : 0;
        }
    }

    PtxFunction ReadFunction(bool isExternal)
    {
        source = null;
        PtxLocation location = Location;
        bool isEntry = Next().Text == "entry";
        IReadOnlyList<PtxVariable> results = !isEntry && token.Is('(') ? ReadParameters() : [];
        string name = Take(PtxTokenKind.Name, "the function's name").Text;
        IReadOnlyList<PtxVariable> parameters = token.Is('(') ? ReadParameters() : [];
        int maximum = 0, blocks = 0, registers = 0;
        (int X, int Y, int Z)? required = null;
        while (token.Kind == PtxTokenKind.Dot)
        {
            if (LineDirective())
                continue;
            PtxToken directive = Next();
            switch (directive.Text)
            {
                case "maxntid":
                    (int x, int y, int z) = ReadDimensions();
                    maximum = checked(x * y * z);
                    break;
                case "reqntid":
                    required = ReadDimensions();
                    break;
                case "minnctapersm":
                    blocks = ReadCount();
                    break;
                case "maxnreg":
                    registers = ReadCount();
                    break;
                case "maxnctapersm":
                    ReadCount();
                    break;
                case "noreturn":
                    break;
                default:
                    throw UnknownDirective(directive);
            }
        }
        if (Accept(';'))
            return new PtxFunction(name, isEntry, true, parameters, results, maximum, required, new Dictionary<string, PtxType>(), [], [],
                location);
        if (isExternal)
            throw Error($"{name} is external and has a body");
        if (!defined.Add(name))
            throw Error($"{name} is defined twice");
        var body = new PtxBodyParser(this, name);
        reading = $"{name}: ";
        body.Read();
        reading = "";
        moduleRegisters += body.Registers.Count;
        return new PtxFunction(name, isEntry, false, parameters, results, maximum, required, body.Registers, body.Variables,
            body.Statements, location)
        {
            MinimumBlocks = blocks,
            MaximumRegisters = registers,
        };
    }

    (int X, int Y, int Z) ReadDimensions()
    {
        int x = ReadCount(), y = Accept(',') ? ReadCount() : 1, z = Accept(',') ? ReadCount() : 1;
        if ((long)x * y * z > 1 << 20)
            throw Error($"{x} x {y} x {z} threads are more than any device runs");
        return (x, y, z);
    }

    /// <summary>A count: from 0 to a million.</summary>
    internal int ReadCount()
    {
        string text = Take(PtxTokenKind.Number, "a number").Text;
        return PtxNumbers.TryParse(text, false, out PtxConstant value) && value.Kind == PtxConstantKind.Integer && value.Bits <= 1 << 20
            ? (int)value.Bits
            : throw Error($"{text} is no count");
    }

    /// <summary>True while the module may have more registers beside those of the function being read.</summary>
    internal bool HasRoomFor(int registers) => registers <= MaximumRegisters && moduleRegisters + registers <= MaximumModuleRegisters;

    /// <summary>An error at what was read last.</summary>
    internal PtxException Error(string message) => new(Module, line, reading + message);

    /// <summary>The error that something else than the next token must stand here.</summary>
    internal PtxException Unexpected(string what) => new(Module, token.Line, $"{reading}{token} stands where {what} must");

    internal PtxException UnknownDirective(PtxToken directive) => Error($"directive .{directive.Text} is not known");

    internal PtxToken Next()
    {
        PtxToken taken = token;
        line = taken.Line;
        token = lexer.Read();
        return taken;
    }

    internal bool Accept(char symbol)
    {
        if (!token.Is(symbol))
            return false;
        Next();
        return true;
    }

    internal void Expect(char symbol)
    {
        if (!Accept(symbol))
            throw Unexpected($"'{symbol}'");
    }

    void Expect(string directive)
    {
        while (directive != "version" && LineDirective())
        {
        }
        if (!token.IsDot(directive))
            throw Unexpected($".{directive}");
        Next();
    }

    internal PtxToken Take(PtxTokenKind kind, string what) => token.Kind == kind ? Next() : throw Unexpected(what);
}
