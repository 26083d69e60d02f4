/** `failed` means that all attempts failed, or that the receiver permanently refuses messages. */
export const deliveryStatuses = ['pending', 'succeeded', 'failed'] as const;

export type DeliveryStatus = (typeof deliveryStatuses)[number];
