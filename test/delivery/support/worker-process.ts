/** A delivery worker as a process of its own; its options come as JSON in the first argument. Ends with its parent. */
import { DeliveryWorld, type WorldOptions } from './delivery-world.ts';

const options = JSON.parse(process.argv[2]!) as WorldOptions;
const world = await DeliveryWorld.open(options);
world.start();
process.on('disconnect', () => process.exit(0));
process.send!('ready');
