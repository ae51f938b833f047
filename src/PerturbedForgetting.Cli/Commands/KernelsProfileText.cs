using System.Globalization;
using System.Text;
using System.Text.Json;
using PerturbedForgetting.Cuda;
using PerturbedForgetting.Cuda.Cards;
using PerturbedForgetting.Simulator.Execution;
using PerturbedForgetting.Tensors.Backends.Cuda.Profiling;
using PerturbedForgetting.Training.Profiling;

namespace PerturbedForgetting.Cli.Commands;

/// <summary>Profiled kernels as tables for people and as JSON for programs.</summary>
static class KernelsProfileText
{
    const int NameWidth = 40, ShapeWidth = 29;

    /// <summary>What the software GPU counted.</summary>
    public static string Counts(Roofline? roofline, IEnumerable<KernelRow> rows)
    {
        StringBuilder table = Begin(roofline);
        table.AppendLine("bytes an element: moved / least possible");
        table.Append($"{"kernel",-NameWidth}{"shape",-ShapeWidth}{"launches",9}{"loaded",16}{"stored",16}{"sectors",9}"
            + $"{"conflicts",10}{"instr/elem",11}{"registers",10}{"shared",8}{"local",7}{LeastHead(roofline)}");
        foreach ((KernelProfile p, Counters? c, LeastTime? least) in rows)
        {
            double elements = (double)p.Elements * c!.Launches;
            table.AppendLine();
            table.Append(CultureInfo.InvariantCulture, $"{p.Kernel,-NameWidth}{p.Shape,-ShapeWidth}{c.Launches,9}");
            table.Append(CultureInfo.InvariantCulture,
                $"{Pair(c.BytesLoaded / elements, p.LeastLoaded),16}{Pair(c.BytesStored / elements, p.LeastStored),16}");
            table.Append(CultureInfo.InvariantCulture, $"{100 * c.SectorEfficiency,8:0.#}%{c.BankConflicts,10}"
                + $"{c.LaneInstructions / elements,11:0.##}{p.Registers,10}{p.SharedBytes,8}{p.LocalBytes,7}{Least(least)}");
        }
        return table.ToString();

        static string Pair(double actual, double least) => string.Create(CultureInfo.InvariantCulture, $"{actual:0.###} / {least:0.###}");
    }

    /// <summary>What was measured.</summary>
    /// <param name="copy">10⁹ bytes a second of a copy within the device's memory.</param>
    /// <param name="roofline">Of the card; null where it is not known.</param>
    /// <param name="rows">The kernels.</param>
    public static string Times(double copy, Roofline? roofline, IEnumerable<KernelRow> rows)
    {
        StringBuilder table = Begin(roofline);
        table.AppendLine(CultureInfo.InvariantCulture, $"copy within the device's memory: {copy:0} GB/s read and written");
        table.Append($"{"kernel",-NameWidth}{"shape",-ShapeWidth}{"microseconds",13}{"GB/s",8}{"of copy",9}"
            + $"{"TFLOP/s",9}{"registers",10}{"shared",8}{"local",7}{LeastHead(roofline)}{(roofline is null ? "" : $"{"of least",10}")}");
        foreach ((KernelProfile p, _, LeastTime? least) in rows)
        {
            table.AppendLine();
            table.Append(CultureInfo.InvariantCulture, $"{p.Kernel,-NameWidth}{p.Shape,-ShapeWidth}{1000 * p.Milliseconds,13:0.0}");
            table.Append(p.Operations > 0
                ? string.Create(CultureInfo.InvariantCulture, $"{"",17}{p.Teraflops,9:0.00}")
                : string.Create(CultureInfo.InvariantCulture, $"{p.GigabytesPerSecond,8:0}{100 * p.GigabytesPerSecond / copy,8:0}%{"",9}"));
            table.Append(CultureInfo.InvariantCulture, $"{p.Registers,10}{p.SharedBytes,8}{p.LocalBytes,7}{Least(least)}");
            if (least is { } time)
                table.Append(CultureInfo.InvariantCulture, $"{1000 * p.Milliseconds / time.Microseconds,10:0.00}");
        }
        return table.ToString();
    }

    /// <summary>Everything that is known.</summary>
    public static string Json(CudaDevice gpu, double? copy, Roofline? roofline, IEnumerable<KernelRow> rows)
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream, new JsonWriterOptions { Indented = true }))
        {
            writer.WriteStartObject();
            writer.WriteString("device", gpu.Name);
            if (roofline is not null)
                writer.WriteString("roofline", roofline.Card.Name);
            if (copy is { } speed)
                writer.WriteNumber("copy_gigabytes_per_second", speed);
            writer.WriteStartArray("kernels");
            foreach (KernelRow row in rows)
                Write(writer, copy, row);
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    static StringBuilder Begin(Roofline? roofline) =>
        roofline is null ? new() : new StringBuilder().AppendLine(RooflineTable.Rates(roofline));

    static string LeastHead(Roofline? roofline) => roofline is null ? "" : $"{"least us",11}  {"bound by",-8}";

    static string Least(LeastTime? least) => least is not { } time ? ""
        : string.Create(CultureInfo.InvariantCulture, $"{time.Microseconds,11:0.00}  {RooflineTable.Name(time.Roof),-8}");

    static void Write(Utf8JsonWriter writer, double? copy, KernelRow row)
    {
        KernelProfile p = row.Profile;
        writer.WriteStartObject();
        writer.WriteString("kernel", p.Kernel);
        writer.WriteString("family", p.Family);
        writer.WriteString("shape", p.Shape);
        writer.WriteNumber("elements", p.Elements);
        writer.WriteNumber("least_loaded_per_element", p.LeastLoaded);
        writer.WriteNumber("least_stored_per_element", p.LeastStored);
        writer.WriteNumber("registers", p.Registers);
        writer.WriteNumber("shared_bytes", p.SharedBytes);
        writer.WriteNumber("local_bytes", p.LocalBytes);
        if (row.Least is { } least)
        {
            writer.WriteNumber("least_microseconds", least.Microseconds);
            writer.WriteString("bound_by", RooflineTable.Name(least.Roof));
        }
        if (copy is { } speed)
        {
            writer.WriteNumber("milliseconds", p.Milliseconds);
            if (row.Least is { } time)
                writer.WriteNumber("measured_over_least", 1000 * p.Milliseconds / time.Microseconds);
            if (p.Operations > 0)
                writer.WriteNumber("teraflops", p.Teraflops);
            else
            {
                writer.WriteNumber("gigabytes_per_second", p.GigabytesPerSecond);
                writer.WriteNumber("ratio_to_copy", p.GigabytesPerSecond / speed);
            }
        }
        if (row.Counters is { } counters)
            Write(writer, counters);
        writer.WriteEndObject();
    }

    static void Write(Utf8JsonWriter writer, Counters c)
    {
        writer.WriteNumber("launches", c.Launches);
        writer.WriteNumber("bytes_loaded", c.BytesLoaded);
        writer.WriteNumber("bytes_stored", c.BytesStored);
        writer.WriteNumber("sector_efficiency", c.SectorEfficiency);
        writer.WriteNumber("bank_conflicts", c.BankConflicts);
        writer.WriteNumber("lane_instructions", c.LaneInstructions);
        writer.WriteNumber("warp_instructions", c.WarpInstructions);
        writer.WriteNumber("barriers", c.Barriers);
        writer.WriteNumber("atomics", c.Atomics);
    }
}
