using System.Reflection;
using System.Reflection.Emit;
using PerturbedForgetting.Training;

namespace PerturbedForgetting.Tests.Training;

/// <summary>The namespaces of the training library need each other in one direction only.</summary>
[TestFixture]
sealed class NamespaceTests
{
    const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance
        | BindingFlags.DeclaredOnly;

    static readonly Dictionary<short,
        OpCode> Codes = typeof(OpCodes).GetFields().Select(static f => (OpCode)f.GetValue(null)!).ToDictionary(static c => c.Value);

    [Test]
    public void TheyFormNoCircle()
    {
        var needs = Needs(typeof(Trainer).Assembly);
        Assert.That(needs["PerturbedForgetting.Training.Evaluation"], Does.Contain("PerturbedForgetting.Training.Setup"));
        // What needs nobody that is left goes, until nothing is left but circles.
        while (needs.Keys.FirstOrDefault(name => !needs[name].Any(needs.ContainsKey)) is { } free)
            needs.Remove(free);
        Assert.That(needs.Select(n => $"{n.Key} needs {string.Join(", ", n.Value.Where(needs.ContainsKey))}"), Is.Empty);
    }

    /// <summary>Which namespaces of an assembly the code and the signatures of each name.</summary>
    static Dictionary<string, HashSet<string>> Needs(Assembly assembly)
    {
        var needs = new Dictionary<string, HashSet<string>>();
        foreach (var type in assembly.GetTypes().Where(static t => t.Namespace is not null))
        {
            if (!needs.TryGetValue(type.Namespace!, out var others))
                needs.Add(type.Namespace!, others = []);
            foreach (var named in Named(type).SelectMany(Parts).Where(t => t.Assembly == assembly && t.Namespace is not null
                && t.Namespace != type.Namespace))
                others.Add(named.Namespace!);
        }
        return needs;
    }

    static IEnumerable<Type> Named(Type type) =>
        type.GetInterfaces().Append(type.BaseType).OfType<Type>()
            .Concat(type.GetFields(All).Select(static f => f.FieldType))
            .Concat(type.GetConstructors(All).Concat<MethodBase>(type.GetMethods(All)).SelectMany(Named));

    static IEnumerable<Type> Named(MethodBase method)
    {
        var body = method.GetMethodBody();
        return method.GetParameters().Select(static p => p.ParameterType).Append((method as MethodInfo)?.ReturnType).OfType<Type>()
            .Concat(body?.LocalVariables.Select(static v => v.LocalType) ?? [])
            .Concat(Members(method, body?.GetILAsByteArray() ?? []).Select(static m => m as Type ?? m.DeclaringType).OfType<Type>());
    }

    static IEnumerable<MemberInfo> Members(MethodBase method, byte[] il)
    {
        Type[] typeArguments = method.DeclaringType!.GetGenericArguments(),
            methodArguments = method.IsGenericMethod ? method.GetGenericArguments() : [];
        for (int at = 0; at < il.Length;)
        {
            short value = il[at] == 0xfe ? (short)((il[at] << 8) | il[at + 1]) : il[at];
            var code = Codes[value];
            at += code.Size;
            if (code.OperandType is OperandType.InlineField or OperandType.InlineMethod or OperandType.InlineTok or OperandType.InlineType)
                yield return method.Module.ResolveMember(BitConverter.ToInt32(il, at), typeArguments, methodArguments)!;
            at += code.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(il, at)),
                _ => 4,
            };
        }
    }

    /// <summary>A type, or those that it is made of.</summary>
    static IEnumerable<Type> Parts(Type type) =>
        type.HasElementType ? Parts(type.GetElementType()!)
        : type.IsGenericType ? type.GetGenericArguments().SelectMany(Parts).Append(type)
        : [type];
}
