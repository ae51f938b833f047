namespace PerturbedForgetting.Simulator.Ptx;

/// <summary>Reads the body of a function. Names declared in nested braces (inline assembly) are renamed apart, so that the whole body
/// has one table of registers.</summary>
sealed class PtxBodyParser(PtxParser parser, string function)
{
    const int DeepestNesting = 64;

    readonly Dictionary<string, PtxType> registers = [];
    readonly List<PtxVariable> variables = [];
    readonly List<PtxStatement> statements = [];
    readonly List<Dictionary<string, string>> scopes = [];
    int renamed;

    public IReadOnlyDictionary<string, PtxType> Registers => registers;

    public IReadOnlyList<PtxVariable> Variables => variables;

    public IReadOnlyList<PtxStatement> Statements => statements;

    /// <summary>Reads from the opening brace to the closing one.</summary>
    public void Read()
    {
        parser.Expect('{');
        while (true)
        {
            if (parser.Accept('}'))
            {
                if (scopes.Count == 0)
                    return;
                scopes.RemoveAt(scopes.Count - 1);
            }
            else if (parser.Accept('{'))
            {
                scopes.Add([]);
                if (scopes.Count > DeepestNesting)
                    throw parser.Error($"{function}: braces are nested deeper than {DeepestNesting}");
            }
            else
                ReadStatement();
        }
    }

    void ReadStatement()
    {
        if (parser.LineDirective())
            return;
        PtxToken token = parser.Token;
        if (token.Kind == PtxTokenKind.Dot)
            ReadDeclaration();
        else if (token.Is('@') || token.Kind == PtxTokenKind.Name)
            ReadInstructionOrLabel();
        else if (token.Kind == PtxTokenKind.End)
            throw parser.Error($"the body of {function} is not closed");
        else
            throw parser.Error($"{function}: {token} stands where an instruction must");
    }

    void ReadDeclaration()
    {
        switch (parser.Token.Text)
        {
            case "reg":
                ReadRegisters();
                break;
            case "local" or "shared" or "param" or "global" or "const":
                foreach (PtxVariable variable in parser.ReadVariables(isExternal: false))
                    variables.Add(variable with { Name = Declare(variable.Name) });
                break;
            default:
                throw parser.Error($"{function}: directive .{parser.Token.Text} is not known");
        }
    }

    void ReadRegisters()
    {
        parser.Next();
        var type = PtxTypes.Parse(parser.Take(PtxTokenKind.Dot, "the registers' type").Text);
        if (type == PtxType.None)
            throw parser.Error($"{function}: a register has no such type");
        do
        {
            string name = parser.Take(PtxTokenKind.Name, "a register's name").Text;
            if (!parser.Accept('<'))
            {
                Add(Declare(name), type);
                continue;
            }
            int count = parser.ReadCount();
            parser.Expect('>');
            if (registers.Count + count > PtxParser.MaximumRegisters)
                throw parser.Error($"{function}: more than {PtxParser.MaximumRegisters} registers");
            for (int i = 0; i < count; i++)
                Add(Declare(name + i), type);
        }
        while (parser.Accept(','));
        parser.Expect(';');
    }

    void Add(string name, PtxType type)
    {
        if (registers.Count >= PtxParser.MaximumRegisters)
            throw parser.Error($"{function}: more than {PtxParser.MaximumRegisters} registers");
        if (!registers.TryAdd(name, type))
            throw parser.Error($"{function}: register {name} is declared twice");
    }

    string Declare(string name)
    {
        if (scopes.Count == 0)
            return name;
        string apart = $"{name}#{++renamed}";
        scopes[^1][name] = apart;
        return apart;
    }

    string Resolve(string name)
    {
        for (int i = scopes.Count - 1; i >= 0; i--)
        {
            if (scopes[i].TryGetValue(name, out string? apart))
                return apart;
        }
        return name;
    }

    void ReadInstructionOrLabel()
    {
        PtxLocation location = parser.Location;
        string? guard = null;
        bool isNegated = false;
        if (parser.Accept('@'))
        {
            isNegated = parser.Accept('!');
            guard = Resolve(parser.Take(PtxTokenKind.Name, "a predicate").Text);
        }
        string opcode = parser.Take(PtxTokenKind.Name, "an instruction").Text;
        if (guard is null && parser.Accept(':'))
        {
            ReadLabel(opcode, location);
            return;
        }
        List<string> modifiers = [];
        while (parser.Token.Kind == PtxTokenKind.Dot)
            modifiers.Add(parser.Next().Text);
        List<PtxOperand> operands = [];
        if (!parser.Token.Is(';'))
        {
            do
                operands.Add(ReadOperand());
            while (parser.Accept(','));
        }
        parser.Expect(';');
        statements.Add(new PtxInstruction(guard, isNegated, opcode, modifiers, operands, location));
    }

    void ReadLabel(string name, PtxLocation location)
    {
        if (!parser.Token.IsDot("branchtargets"))
        {
            statements.Add(new PtxLabel(name, location));
            return;
        }
        parser.Next();
        List<string> labels = [];
        do
            labels.Add(parser.Take(PtxTokenKind.Name, "a label").Text);
        while (parser.Accept(','));
        parser.Expect(';');
        statements.Add(new PtxBranchTargets(name, labels, location));
    }

    PtxOperand ReadOperand()
    {
        if (parser.Accept('['))
            return ReadAddress();
        if (parser.Accept('{'))
            return new PtxVector(ReadElements('}'));
        if (parser.Accept('('))
            return new PtxList(ReadElements(')'));
        PtxOperand first = ReadSimple();
        return parser.Accept('|') ? new PtxPair(first, ReadSimple()) : first;
    }

    List<PtxOperand> ReadElements(char close)
    {
        List<PtxOperand> elements = [];
        if (!parser.Token.Is(close))
        {
            do
                elements.Add(ReadSimple());
            while (parser.Accept(','));
        }
        parser.Expect(close);
        return elements;
    }

    PtxOperand ReadSimple()
    {
        bool isNegated = parser.Accept('!'), isNegative = !isNegated && parser.Accept('-');
        PtxToken token = parser.Next();
        if (token.Kind == PtxTokenKind.Number)
            return PtxNumbers.TryParse(token.Text, isNegative, out PtxConstant constant) ? constant : throw parser.Error($"{token} is no constant");
        if (token.Kind != PtxTokenKind.Name || isNegative)
            throw parser.Error($"{function}: {token} stands where an operand must");
        string name = Resolve(token.Text);
        // A special register has a component: %tid.x.
        if (name[0] == '%' && parser.Token.Kind == PtxTokenKind.Dot)
            name += "." + parser.Next().Text;
        long offset = parser.Token.Is('+') ? ReadOffset() : 0;
        return new PtxName(name, isNegated, offset);
    }

    PtxAddress ReadAddress()
    {
        string? name = null;
        if (parser.Token.Kind == PtxTokenKind.Name)
            name = Resolve(parser.Next().Text);
        long offset = name is null || parser.Token.Is('+') || parser.Token.Is('-') ? ReadOffset() : 0;
        parser.Expect(']');
        return new PtxAddress(name, offset);
    }

    /// <summary><c>+8</c>, <c>-8</c>, <c>+-8</c>, or a bare number.</summary>
    long ReadOffset()
    {
        parser.Accept('+');
        bool isNegative = parser.Accept('-');
        string text = parser.Take(PtxTokenKind.Number, "an offset").Text;
        return PtxNumbers.TryParse(text, isNegative, out PtxConstant value) && value.Kind == PtxConstantKind.Integer
            ? (long)value.Bits
            : throw parser.Error($"{text} is no offset");
    }
}
