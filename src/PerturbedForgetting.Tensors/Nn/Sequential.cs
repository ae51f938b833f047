namespace PerturbedForgetting.Tensors.Nn;

/// <summary>Modules one after the other, named <c>0</c>, <c>1</c>, ...</summary>
public sealed class Sequential : Module
{
    readonly Module[] modules;

    /// <param name="modules">In the order of the calls.</param>
    public Sequential(params ReadOnlySpan<Module> modules)
    {
        this.modules = modules.ToArray();
        for (int i = 0; i < modules.Length; i++)
            Register(i.ToString(System.Globalization.CultureInfo.InvariantCulture), modules[i]);
    }

    /// <summary>Number of modules.</summary>
    public int Count => modules.Length;

    /// <summary>The module at a place.</summary>
    public Module this[int index] => modules[index];

    /// <inheritdoc/>
    protected override Tensor Forward(Tensor x)
    {
        foreach (var module in modules)
            x = module.Call(x);
        return x;
    }
}
