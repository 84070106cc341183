import { openApiDocument } from '../contract/openapi.ts';

console.log(JSON.stringify(openApiDocument(), undefined, 2));
