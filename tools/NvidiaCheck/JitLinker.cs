using System.Runtime.InteropServices;
using System.Text;

namespace PerturbedForgetting.NvidiaCheck;

/// <summary>NVIDIA's linker as a library, nvJitLink 12 and newer, with the compiler that the driver has (nvJitLink API).</summary>
sealed unsafe class JitLinker
{
    const int Success = 0, PtxInput = 2;

    readonly delegate* unmanaged<nint*, uint, byte**, int> create;
    readonly delegate* unmanaged<nint*, int> destroy;
    readonly delegate* unmanaged<nint, int, void*, nuint, byte*, int> addData;
    readonly delegate* unmanaged<nint, int> complete;
    readonly delegate* unmanaged<nint, nuint*, int> errorLogSize, infoLogSize, cubinSize;
    readonly delegate* unmanaged<nint, byte*, int> errorLog, infoLog;

    /// <summary>Loads the library, which stays.</summary>
    /// <exception cref="DllNotFoundException">It is not there.</exception>
    /// <exception cref="EntryPointNotFoundException">It is another one.</exception>
    public JitLinker(string path)
    {
        nint library = NativeLibrary.Load(path);
        nint Export(string name) => NativeLibrary.GetExport(library, "nvJitLink" + name);
        create = (delegate* unmanaged<nint*, uint, byte**, int>)Export("Create");
        destroy = (delegate* unmanaged<nint*, int>)Export("Destroy");
        addData = (delegate* unmanaged<nint, int, void*, nuint, byte*, int>)Export("AddData");
        complete = (delegate* unmanaged<nint, int>)Export("Complete");
        errorLogSize = (delegate* unmanaged<nint, nuint*, int>)Export("GetErrorLogSize");
        infoLogSize = (delegate* unmanaged<nint, nuint*, int>)Export("GetInfoLogSize");
        cubinSize = (delegate* unmanaged<nint, nuint*, int>)Export("GetLinkedCubinSize");
        errorLog = (delegate* unmanaged<nint, byte*, int>)Export("GetErrorLog");
        infoLog = (delegate* unmanaged<nint, byte*, int>)Export("GetInfoLog");
    }

    /// <summary>Links a PTX file alone and forgets what it makes.</summary>
    /// <returns>What the library says against it, line by line; empty when it takes the file without a word.</returns>
    public IReadOnlyList<string> Link(string file, string architecture)
    {
        byte[] name = Encoding.UTF8.GetBytes(Path.GetFileName(file) + "\0"), option = Encoding.UTF8.GetBytes($"-arch={architecture}\0");
        byte[] text = [.. File.ReadAllBytes(file), 0];
        nint linker = 0;
        fixed (byte* nameBytes = name, optionBytes = option, textBytes = text)
        {
            byte* first = optionBytes;
            if (create(&linker, 1, &first) is not Success and var refused)
                return [$"nvJitLinkCreate returned {refused}"];
            try
            {
                // The size leaves out the closing zero for no input but PTX, whose text it may include.
                int code = addData(linker, PtxInput, textBytes, (nuint)text.Length, nameBytes);
                string call = "nvJitLinkAddData";
                if (code == Success)
                    (code, call) = (complete(linker), "nvJitLinkComplete");
                List<string> said = [.. Lines(linker, errorLogSize, errorLog), .. Lines(linker, infoLogSize, infoLog)];
                nuint bytes = 0;
                if (code != Success)
                    said.Add($"{call} returned {code}");
                else if (cubinSize(linker, &bytes) != Success || bytes == 0)
                    said.Add("nvJitLink made no code");
                return said;
            }
            finally
            {
                destroy(&linker);
            }
        }
    }

    static string[] Lines(nint linker, delegate* unmanaged<nint, nuint*, int> size, delegate* unmanaged<nint, byte*, int> log)
    {
        nuint bytes = 0;
        if (size(linker, &bytes) != Success || bytes == 0)
            return [];
        byte[] text = new byte[bytes];
        fixed (byte* start = text)
        {
            if (log(linker, start) != Success)
                return [];
        }
        return [.. Encoding.UTF8.GetString(text).Split('\n', '\0').Select(static line => line.Trim()).Where(static line => line != "")];
    }
}
