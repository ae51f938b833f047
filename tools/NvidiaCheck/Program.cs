return PerturbedForgetting.NvidiaCheck.App.Run(args, Console.Out);
