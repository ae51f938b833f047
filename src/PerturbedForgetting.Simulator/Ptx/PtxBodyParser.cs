namespace PerturbedForgetting.Simulator.Ptx;

/// <summary>Reads the body of a function. Names declared in nested braces (inline assembly) are renamed apart, so that the whole body
/// has one table of registers.</summary>
sealed class PtxBodyParser(PtxParser parser, string function)
{
    const int DeepestNesting = 64;

    readonly Dictionary<string, PtxType> registers = [];
    readonly List<PtxVariable> variables = [];
    readonly List<PtxStatement> statements = [];
    readonly List<Scope> scopes = [];
    int renamed;

    /// <summary>Nested braces: the names declared in them, and the first statement.</summary>
    sealed record Scope(Dictionary<string, string> Names, int First)
    {
        public HashSet<string> Labels { get; } = [];
    }

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
                CloseScope();
            }
            else if (parser.Accept('{'))
            {
                scopes.Add(new Scope([], statements.Count));
                if (scopes.Count > DeepestNesting)
                    throw parser.Error($"braces are nested deeper than {DeepestNesting}");
            }
            else
                ReadStatement();
        }
    }

    /// <summary>Labels of the scope are known only now: a branch may stand before its label.</summary>
    void CloseScope()
    {
        Scope scope = scopes[^1];
        scopes.RemoveAt(scopes.Count - 1);
        if (scope.Labels.Count == 0)
            return;
        Dictionary<string, string> apart = scope.Labels.ToDictionary(label => label, label => $"{label}#{++renamed}");
        for (int s = scope.First; s < statements.Count; s++)
        {
            statements[s] = statements[s] switch
            {
                PtxLabel label => label with { Name = Apart(label.Name) },
                PtxBranchTargets table => table with { Name = Apart(table.Name), Labels = [.. table.Labels.Select(Apart)] },
                PtxInstruction { Opcode: "bra" or "brx" } branch =>
                    branch with
                    {
                        Operands = [.. branch.Operands.Select(o => o is PtxName name
                        ? name with { Name = Apart(name.Name) }
                        : o)]
                    },
                var other => other,
            };
        }

        string Apart(string label) => apart.GetValueOrDefault(label, label);
    }

    void DeclareLabel(string name)
    {
        if (scopes.Count > 0 && !scopes[^1].Labels.Add(name))
            throw parser.Error($"label {name} stands twice");
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
            throw parser.Unexpected("an instruction");
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
                throw parser.UnknownDirective(parser.Next());
        }
    }

    void ReadRegisters()
    {
        parser.Next();
        var type = PtxTypes.Parse(parser.Take(PtxTokenKind.Dot, "the registers' type").Text);
        if (type == PtxType.None)
            throw parser.Error("a register has no such type");
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
            CheckRoom(count);
            for (int i = 0; i < count; i++)
                Add(Declare(name + i), type);
        }
        while (parser.Accept(','));
        parser.Expect(';');
    }

    void Add(string name, PtxType type)
    {
        CheckRoom(1);
        if (!registers.TryAdd(name, type))
            throw parser.Error($"register {name} is declared twice");
    }

    void CheckRoom(int count)
    {
        if (!parser.HasRoomFor(registers.Count + count))
            throw parser.Error($"{count} more registers are more than the {PtxParser.MaximumRegisters} that a function may have, or a "
                + "module has too many");
    }

    string Declare(string name)
    {
        if (scopes.Count == 0)
            return name;
        string apart = $"{name}#{++renamed}";
        scopes[^1].Names[name] = apart;
        return apart;
    }

    string Resolve(string name)
    {
        for (int i = scopes.Count - 1; i >= 0; i--)
        {
            if (scopes[i].Names.TryGetValue(name, out string? apart))
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
        DeclareLabel(name);
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
            return PtxNumbers.TryParse(token.Text, isNegative, out PtxConstant constant)
                ? constant
                : throw parser.Error($"{token} is no constant");
        if (token.Kind != PtxTokenKind.Name || isNegative)
            throw parser.Error($"{token} stands where an operand must");
        if (token.Text == "WARP_SZ")
            return new PtxConstant(32, PtxConstantKind.Integer);
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
