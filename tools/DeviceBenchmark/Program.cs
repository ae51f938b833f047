return DeviceBenchmark.BenchmarkApp.Run(args, Console.Out, Console.Error);
