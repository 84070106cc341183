import { buildApp } from '../lib/app.ts';

// `cdk synth -c stage=prod` names the stage by context; alone, `node bin/app.ts` writes the dev stage to cdk.out.
buildApp(undefined, { outdir: process.env.CDK_OUTDIR ?? 'cdk.out' }).synth();
